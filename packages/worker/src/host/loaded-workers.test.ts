import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@tenma/test-support';
import { expect, test, vi } from 'vitest';
import { fixtures } from './fixtures/test-host.ts';
import { createLoadedWorkers } from './loaded-workers.ts';
import { entryOfPackage } from './package-entry.ts';

test('a package that never finishes its import is a fault, and the others are there', async () => {
  await using folder = await temporaryFolder();
  const endless = join(folder.path, 'endless.mjs');
  await writeFile(endless, 'await new Promise(() => {});\n');
  const loaded = createLoadedWorkers({ importWithinMs: 500 });
  await loaded.load([fixtures]);
  const { workers, faults } = await loaded.load([endless, fixtures]);
  expect(faults).toMatchObject([
    {
      specifier: endless,
      error: { message: expect.stringContaining('did not load within 500 ms') as unknown },
    },
  ]);
  expect(workers.length).toBe(loaded.names.length);
});

test('a package is loaded by the path of its folder, by its package.json or an index file', async () => {
  await using folder = await temporaryFolder();
  const source = `export { default } from ${JSON.stringify(fixtures)};\n`;
  for (const [name, file, manifest] of [
    ['described', 'main.mjs', '{ "exports": "./main.mjs" }'],
    ['plain', 'index.mjs', undefined],
  ] as const) {
    const path = join(folder.path, name);
    await mkdir(path);
    await writeFile(join(path, file), source);
    if (manifest) await writeFile(join(path, 'package.json'), manifest);
    const { workers, faults } = await createLoadedWorkers({ importWithinMs: 5_000 }).load([path]);
    expect(faults).toEqual([]);
    expect(workers.length).toBeGreaterThan(0);
  }
  const { faults } = await createLoadedWorkers({ importWithinMs: 5_000 }).load([folder.path]);
  expect(faults[0]?.error.message).toMatch(/no package\.json with exports or main, and no index\.js/);
});

test.each([
  ['.', 'pack'],
  ['..', 'pack/below'],
])('a package at %s is looked for from the working folder', async (specifier, working) => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'pack/below'), { recursive: true });
  await writeFile(
    join(folder.path, 'pack/index.mjs'),
    `export { default } from ${JSON.stringify(fixtures)};\n`,
  );
  const cwd = vi.spyOn(process, 'cwd').mockReturnValue(join(folder.path, working));
  const loading = createLoadedWorkers({ importWithinMs: 5_000 }).load([specifier]);
  const { workers, faults } = await loading.finally(() => cwd.mockRestore());
  expect(faults).toEqual([]);
  expect(workers.length).toBeGreaterThan(0);
});

test.each([
  ['lib', 'lib/index.js'],
  ['lib/main', 'lib/main.js'],
  ['./lib/main.mjs', 'lib/main.mjs'],
  ['lib/missing', 'lib/missing'],
])('main may be without a suffix, or a folder: %s', async (main, entry) => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'lib'));
  for (const file of ['index.js', 'main.js', 'main.mjs']) await writeFile(join(folder.path, 'lib', file), '');
  await writeFile(join(folder.path, 'package.json'), JSON.stringify({ main }));
  expect(await entryOfPackage(folder.path)).toBe(join(folder.path, entry));
});

test('a package.json that cannot be parsed is named', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'package.json');
  await writeFile(file, '{ "main": "x", }');
  await expect(entryOfPackage(folder.path)).rejects.toThrow(`${file}: Expected double-quoted property name`);
});

test('a package that throws is a fault with the stack of what it threw', async () => {
  await using folder = await temporaryFolder();
  const broken = join(folder.path, 'broken.mjs');
  await writeFile(broken, 'function setUp() { throw new RangeError("no such port"); }\nsetUp();\n');
  const { faults } = await createLoadedWorkers({ importWithinMs: 5_000 }).load([broken]);
  expect(faults).toMatchObject([{ specifier: broken, error: { retryable: false } }]);
  expect(faults[0]?.error.message).toContain('no such port');
  expect(faults[0]?.stack).toMatch(/at setUp \(.*broken\.mjs:1:/);
});
