import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { manualClock } from '@tenma/runtime';
import { temporaryFolder, until } from '@tenma/test-support';
import { expect, test } from 'vitest';
import { taskType } from '../releases/groups.fixture.ts';
import { createCatalog } from './catalog.ts';
import { keptLog } from './log-lines.fixture.ts';

/** A catalog of a directory whose every module holds the worker `says`, or throws it; `seen/` has its own. */
async function openOn(directory: string, says: { type: string; version: string } | Error) {
  const { log, lines } = keptLog();
  const clock = manualClock(Date.now() + 5_000);
  const inspected: string[] = [];
  const inspect = (specifier: string) => {
    inspected.push(specifier);
    const [, mark] = /seen\/(\S+)\.js$/.exec(specifier) ?? [];
    if (mark !== undefined) return Promise.resolve([{ specifier, type: taskType('seen', mark) }]);
    if (says instanceof Error) return Promise.reject(says);
    return Promise.resolve([{ specifier, type: taskType(says.type, says.version) }]);
  };
  const components = { clock, log, spares: { inspect } };
  const catalog = await createCatalog(components, { packages: [], directory, labels: [] });
  const passes = (condition: () => boolean, what: string) =>
    until(
      async () => {
        await clock.advance(500);
        return condition();
      },
      { everyMs: 2, what },
    );
  /** Until it has looked twice more: at what is new, and at what has settled. */
  const looksAgain = async () => {
    const mark = join(directory, 'seen/1.0.0.js');
    await mkdir(dirname(mark), { recursive: true });
    await writeFile(mark, '');
    await passes(() => inspected.includes(mark), 'two more looks');
  };
  const at = (level: string) => lines.filter((line) => line.level === level);
  return { catalog, at, passes, looksAgain, [Symbol.asyncDispose]: () => catalog[Symbol.asyncDispose]() };
}

async function folderOf(...files: string[]) {
  const folder = await temporaryFolder();
  for (const file of files) {
    await mkdir(dirname(join(folder.path, file)), { recursive: true });
    await writeFile(join(folder.path, file), '');
  }
  return folder;
}

test('what lies at the wrong place is told of once, with the right place', async () => {
  await using folder = await folderOf(
    'resize/1.0.0/index.ts',
    'resize/latest/index.ts',
    'resize/v1.0/index.ts',
    'resize/v1.1.js',
    'top.ts',
    'whole/package.json',
    'whole/src/index.ts',
    'flat/index.mjs',
    'flat/more.mjs',
  );
  await using it = await openOn(folder.path, { type: 'resize', version: '1.0.0' });
  await it.looksAgain();
  const paths = it.at('warn').map(({ fields }) => String(fields['path']));
  const wrong = ['top.ts', 'flat', 'resize/latest', 'resize/v1.0', 'resize/v1.1.js', 'whole'];
  expect(paths.toSorted()).toEqual(wrong.map((path) => join(folder.path, path)).toSorted());
  for (const { message } of it.at('warn'))
    expect(message).toMatch(/TENMA_WORKERS_DIR.* is not loaded: .*FOLDER\/<type>\/<version>\//);
});

test('what belongs to the right place, or to none, is not told of', async () => {
  await using folder = await folderOf(
    'package.json',
    'README.md',
    'node_modules/zod/index.js',
    'resize/package.json',
    'resize/README.md',
    'resize/1.0.0.d.ts',
    'resize/1.0.0.js',
    'resize/.coming/index.js',
    'resize/node_modules/zod/index.js',
    '.git/HEAD.js',
  );
  await using it = await openOn(folder.path, { type: 'resize', version: '1.0.0' });
  await it.looksAgain();
  expect(it.catalog.workers).toHaveLength(2);
  expect(it.at('warn')).toEqual([]);
});

test('a folder named otherwise than its worker is told of, and loaded as the worker says', async () => {
  await using folder = await folderOf('resize/1.1.0/index.ts');
  await using it = await openOn(folder.path, { type: 'scale', version: '1.0.0' });
  await it.looksAgain();
  expect(it.catalog.workers.map(({ type }) => type.type)).toEqual(['scale', 'seen']);
  expect(it.at('warn').map(({ message }) => message)).toEqual([
    expect.stringMatching(/resize\/1\.1\.0 says that it is scale 1\.0\.0, and that counts.*scale\/1\.0\.0/),
  ]);
});

test('a directory that is not there is told of once, by its variable, and watched for', async () => {
  await using folder = await folderOf('away/echo/1.0.0.js');
  const directory = join(folder.path, 'workers');
  await using it = await openOn(directory, { type: 'echo', version: '1.0.0' });
  expect(it.at('warn').map(({ message }) => message)).toEqual([
    expect.stringMatching(
      new RegExp(`^TENMA_WORKERS_DIR: the folder ${directory} does not exist; it is watched for`),
    ),
  ]);
  let looks = 0;
  await it.passes(() => (looks += 1) > 20, 'some more looks');
  await rename(join(folder.path, 'away'), directory);
  await it.passes(() => it.catalog.workers.length > 0, 'what has appeared');
  expect(it.at('warn')).toHaveLength(1);
});

test('two packages with the same version are told of with the one that is used, and the remedy', async () => {
  await using folder = await folderOf('echo/1.0.0.js', 'other/1.0.0.js');
  await using it = await openOn(folder.path, { type: 'echo', version: '1.0.0' });
  const told = it.at('warn').filter(({ fields }) => 'used' in fields);
  expect(told).toMatchObject([
    {
      fields: {
        used: join(folder.path, 'echo/1.0.0.js'),
        unused: join(folder.path, 'other/1.0.0.js'),
      },
      message: expect.stringMatching(
        /two packages bring echo 1\.0\.0.*found first.*another version/,
      ) as unknown,
    },
  ]);
});

test('a fault is told of with its frames in the package; all of it is in the debug log', async () => {
  await using folder = await folderOf('echo/1.0.0/index.js');
  const error = new Error('no such setting');
  const frame = `load (file://${folder.path}/echo/1.0.0/lib/settings.js:3:7)`;
  error.stack = `Error: no such setting\n    at ${frame}\n    at node:internal/modules/esm:1:1`;
  await using it = await openOn(folder.path, error);
  expect(it.at('error').map(({ fields }) => fields)).toEqual([
    { version: 'echo/1.0.0', reason: 'no such setting', frames: [frame] },
  ]);
  expect(it.at('debug').map(({ fields }) => fields['err'])).toEqual([error]);
});

test('a directory may be given by a relative path', async () => {
  await using folder = await folderOf('echo/1.0.0.js');
  const relative = join(
    '.',
    ...process
      .cwd()
      .split('/')
      .slice(1)
      .map(() => '..'),
    folder.path,
  );
  await using it = await openOn(relative, { type: 'echo', version: '1.0.0' });
  expect(it.catalog.workers.map(({ specifier }) => specifier)).toEqual([join(folder.path, 'echo/1.0.0.js')]);
});
