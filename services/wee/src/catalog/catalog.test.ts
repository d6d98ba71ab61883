import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { TaskType } from '@tenma/protocol';
import { type ManualClock, manualClock, silentLog } from '@tenma/runtime';
import { temporaryFolder, until } from '@tenma/test-support';
import type { WorkerVersion } from '@tenma/worker/messages';
import { entryOfPackage } from '@tenma/worker/package-entry';
import { describe, expect, test } from 'vitest';
import { taskType } from '../releases/groups.fixture.ts';
import { type Catalog, type CatalogOptions, createCatalog } from './catalog.ts';
import { readVersionFiles, readVersionSurface } from './version-places.ts';

/** Reads a module as `TYPE VERSION LABEL…`, and refuses any other. */
function inspectorOf(read: (specifier: string) => Promise<string>) {
  const inspected: string[] = [];
  return {
    inspected,
    async inspect(specifier: string): Promise<readonly WorkerVersion[]> {
      inspected.push(specifier);
      const text = await read(specifier);
      const [type, version, ...requires] = text.split(' ');
      if (!type || !/^\d/.test(version ?? '') || !version) throw new Error(`it says "${text}"`);
      const changes: Partial<TaskType> = requires.length > 0 ? { requires } : {};
      return [{ specifier, type: taskType(type, version, changes) }];
    },
  };
}

const packages: Record<string, string> = { echo: 'echo 1.0.0', second: 'echo 1.0.0', gpu: 'train 1.0.0 gpu' };

async function named(specifier: string): Promise<string> {
  const text = packages[specifier];
  if (text === undefined) throw new Error('not found');
  return text;
}

const seen = ({ workers }: Catalog) => workers.map(({ type }) => `${type.type}@${type.version}`);

describe('configured packages', () => {
  const open = async (options: Partial<CatalogOptions>) => {
    const spares = inspectorOf(named);
    const components = { clock: manualClock(), log: silentLog(), spares };
    return createCatalog(components, { packages: [], labels: [], ...options });
  };

  test('are inspected', async () => {
    const catalog = await open({ packages: ['echo', 'gpu'], labels: ['gpu'] });
    expect(seen(catalog)).toEqual(['echo@1.0.0', 'train@1.0.0']);
  });

  test('one that does not load is an error that names it', async () => {
    await expect(open({ packages: ['echo', 'nothing'] })).rejects.toThrow('nothing: not found');
  });

  test('one whose path leads nowhere is told with that path and what to check, and no more', async () => {
    const path = resolve('nope.ts');
    await expect(open({ packages: ['./nope.ts'] })).rejects.toThrow(
      new Error(
        `./nope.ts: there is no file or folder ${path}: check the path; a relative path starts at the working folder of the process`,
      ),
    );
    await expect(open({ packages: [path] })).rejects.toThrow(
      / no file or folder \S+nope\.ts: check the path$/,
    );
  });

  test('one that does not load, and is there as a file, may be a path without ./', async () => {
    await expect(open({ packages: ['services/wee/package.json'] })).rejects.toThrow(
      /^services\/wee\/package\.json: not found\n.*write \.\/services\/wee\/package\.json/,
    );
    await expect(open({ packages: ['mine.ts'] })).rejects.toThrow(
      /^mine\.ts: not found\n.*write \.\/mine\.ts/,
    );
  });

  test('workers that require labels which the WEE lacks are left out', async () => {
    const catalog = await open({ packages: ['echo', 'gpu'] });
    expect(seen(catalog)).toEqual(['echo@1.0.0']);
  });

  test('the same version from two of them is taken from the first', async () => {
    const catalog = await open({ packages: ['second', 'echo'] });
    expect(catalog.workers.map(({ specifier }) => specifier)).toEqual(['second']);
  });
});

interface Watched extends AsyncDisposable {
  readonly path: string;
  readonly clock: ManualClock;
  readonly catalog: Catalog;
  readonly spares: ReturnType<typeof inspectorOf>;
  write(file: string, text: string): Promise<void>;
  /** Moves time on, and lets every look end before it goes on: no time passes while the disk is read. */
  rests(ms: number): Promise<void>;
  /** Moves time on by steps until it holds; the disk has its own time. */
  passes(condition: () => boolean, what: string): Promise<void>;
}

/** What asks the file system is one of these from its first call to its last. */
const isReading = () => process.getActiveResourcesInfo().some((kind) => /^(?:FS|Close)Req/.test(kind));

async function watched(before: Record<string, string> = {}): Promise<Watched> {
  const folder = await temporaryFolder();
  const write = async (file: string, text: string) => {
    await mkdir(dirname(join(folder.path, file)), { recursive: true });
    await writeFile(join(folder.path, file), text);
  };
  for (const [file, text] of Object.entries(before)) await write(file, text);
  const spares = inspectorOf((specifier) => readFile(specifier, 'utf8'));
  // What is there at the start has been for a while.
  const clock = manualClock(Date.now() + 5_000);
  const options = { packages: [], directory: folder.path, labels: [] };
  const catalog = await createCatalog({ clock, log: silentLog(), spares }, options);
  return {
    path: folder.path,
    clock,
    catalog,
    spares,
    write,
    async rests(ms) {
      for (let passedMs = 0; passedMs < ms; passedMs += 50) {
        await clock.advance(50);
        await until(() => !isReading(), { everyMs: 1, what: 'the end of the look' });
      }
    },
    passes: (condition, what) =>
      until(
        async () => {
          await clock.advance(100);
          return condition();
        },
        { everyMs: 2, what },
      ),
    async [Symbol.asyncDispose]() {
      await catalog[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

describe('a directory of versions', () => {
  test('what lies there at the start is there at once', async () => {
    await using it = await watched({
      'echo/1.0.0/index.ts': 'echo 1.0.0',
      'echo/1.1.0.ts': 'echo 1.1.0',
      'echo/1.2.0/package.json': '{"exports":{".":{"types":"./x.d.ts","import":"./lib/main.js"}}}',
      'echo/1.2.0/lib/main.js': 'echo 1.2.0',
      'echo/README.md': 'no version',
      'echo/latest/index.ts': 'echo 9.0.0',
      '.hidden/1.0.0.ts': 'hidden 1.0.0',
      'bad/1.0.0.ts': 'nonsense',
    });
    expect(seen(it.catalog).toSorted()).toEqual(['echo@1.0.0', 'echo@1.1.0', 'echo@1.2.0']);
  });

  test('a version that is moved in is found and told', async () => {
    await using it = await watched();
    let told = 0;
    it.catalog.onChange(() => void (told += 1));
    await it.write('.coming/1.0.0/index.mjs', 'echo 1.0.0');
    await mkdir(join(it.path, 'echo'));
    await rename(join(it.path, '.coming/1.0.0'), join(it.path, 'echo/1.0.0'));
    await it.passes(() => seen(it.catalog).length > 0, 'the version');
    expect(seen(it.catalog)).toEqual(['echo@1.0.0']);
    const [worker] = it.catalog.workers;
    expect(worker?.specifier).toBe(join(it.path, 'echo/1.0.0/index.mjs'));
    expect(told).toBe(1);
  });

  test('one that is still being copied is not loaded', async () => {
    await using it = await watched();
    for (let part = 0; part < 20; part++) {
      await it.write('echo/1.0.0/index.js', 'half '.repeat(part + 1));
      await it.rests(800);
    }
    expect(it.spares.inspected).toEqual([]);
    await it.write('echo/1.0.0/index.js', 'echo 1.0.0');
    await it.passes(() => seen(it.catalog).length > 0, 'the version');
    expect(it.spares.inspected).toHaveLength(1);
  });

  test('one that does not load is tried again when it changes, and only then', async () => {
    await using it = await watched({ 'echo/1.0.0.js': 'nonsense' });
    expect(it.spares.inspected).toHaveLength(1);
    await it.rests(20_000);
    expect(it.spares.inspected).toHaveLength(1);
    await it.write('echo/1.0.0.js', 'echo 1.0.0');
    await it.passes(() => seen(it.catalog).length > 0, 'the corrected version');
    expect(it.spares.inspected).toHaveLength(2);
  });

  test('one whose folder goes is withdrawn', async () => {
    await using it = await watched({ 'echo/1.0.0/index.js': 'echo 1.0.0', 'echo/1.1.0.js': 'echo 1.1.0' });
    await rm(join(it.path, 'echo/1.0.0'), { recursive: true });
    await it.passes(() => seen(it.catalog).length === 1, 'the withdrawal');
    expect(seen(it.catalog)).toEqual(['echo@1.1.0']);
  });

  test('versions of a package whose folder cannot be read for a while stay', async () => {
    await using it = await watched({ 'echo/1.0.0.js': 'echo 1.0.0', 'sum/1.0.0.js': 'sum 1.0.0' });
    await rename(join(it.path, 'echo'), join(it.path, '.echo'));
    await symlink('echo', join(it.path, 'echo'));
    await it.write('sum/1.1.0.js', 'sum 1.1.0');
    await it.passes(() => seen(it.catalog).includes('sum@1.1.0'), 'the other version');
    expect(seen(it.catalog)).toContain('echo@1.0.0');
    await rm(join(it.path, 'echo'));
    await it.passes(() => seen(it.catalog).length === 2, 'the withdrawal');
  });

  test('while the directory is away everything stays', async () => {
    await using it = await watched({ 'echo/1.0.0.js': 'echo 1.0.0' });
    await rename(it.path, `${it.path}-away`);
    await it.rests(6_000);
    expect(seen(it.catalog)).toEqual(['echo@1.0.0']);
    await rename(`${it.path}-away`, it.path);
    await it.write('echo/1.1.0.js', 'echo 1.1.0');
    await it.passes(() => seen(it.catalog).length === 2, 'the next version');
  });

  test('a folder without a module to import is a fault that says so', async () => {
    await using it = await watched({ 'echo/1.0.0/README.md': 'nothing here' });
    expect(it.spares.inspected).toEqual([]);
    const place = { name: 'echo/1.0.0', path: join(it.path, 'echo/1.0.0') };
    await expect(entryOfPackage(place.path)).rejects.toThrow(/no package\.json.*index\.js/);
  });
});

describe('the files of a version', () => {
  const version = async () => {
    const folder = await temporaryFolder();
    const place = { name: 'echo/1.0.0', path: folder.path };
    const write = async (file: string, text: string) => {
      await mkdir(dirname(join(folder.path, file)), { recursive: true });
      await writeFile(join(folder.path, file), text);
    };
    await write('package.json', '{"main":"lib/main.js"}');
    for (const file of ['lib/main.js', 'lib/more.js', 'node_modules/zod/index.js']) await write(file, '');
    return { folder, place, write };
  };

  test('are all of its own, and not what it depends on', async () => {
    const { folder, place, write } = await version();
    await using _ = folder;
    const before = await readVersionFiles(place);
    await write('node_modules/zod/index.js', 'changed');
    expect(await readVersionFiles(place)).toEqual(before);
    await write('lib/more.js', 'changed');
    expect((await readVersionFiles(place)).fingerprint).not.toBe(before.fingerprint);
  });

  test('are 2,000 at most', async () => {
    const { folder, place, write } = await version();
    await using _ = folder;
    await Promise.all(Array.from({ length: 2_100 }, (_, n) => write(`data/${n}.txt`, '')));
    const { fingerprint } = await readVersionFiles(place);
    expect(fingerprint.split('\n').length).toBeLessThanOrEqual(2_001);
    expect(fingerprint.includes('package.json')).toBe(true);
  });

  test('on the surface are those at the top, and the entry', async () => {
    const { folder, place, write } = await version();
    await using _ = folder;
    const before = await readVersionSurface(place);
    await write('lib/more.js', 'changed');
    expect(await readVersionSurface(place)).toEqual(before);
    await write('lib/main.js', 'changed');
    const after = await readVersionSurface(place);
    expect(after.fingerprint).not.toBe(before.fingerprint);
    await write('package.json', '{"main":"lib/more.js"}');
    expect((await readVersionSurface(place)).fingerprint).not.toBe(after.fingerprint);
  });
});
