import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { systemClock } from '@tenma/runtime';
import { temporaryFolder } from '@tenma/test-support';
import type { OutputFile } from '@tenma/worker/messages';
import { describe, expect, test } from 'vitest';
import { openOutputFolder, outputFolder } from './output-folder.ts';

const fileOf = (path: string, stored_bytes: number): OutputFile => ({
  path,
  bytes: 100,
  stored_bytes,
  content_encoding: 'zstd',
  sha256: '0',
});

describe('a file is taken over from a process', () => {
  test('under another name, and what else it has left can be cleared', async () => {
    await using folder = await temporaryFolder();
    const outputs = outputFolder(folder.path);
    for (const name of ['12-0-a', '12-0-b', '12-1-c', '123-0-d']) {
      await writeFile(join(folder.path, `${name}.json.zst`), 'hello');
    }
    const taken = outputs.takeOver(fileOf(join(folder.path, '12-0-a.json.zst'), 5), '12-0-');
    await outputs.clear('12-0-');
    expect(dirname(taken.path)).toBe(folder.path);
    expect(existsSync(taken.path)).toBe(true);
    expect(await readdir(folder.path)).toHaveLength(3);
  });

  test('only when it is a regular file of that process and size, directly in the folder', async () => {
    await using folder = await temporaryFolder();
    const inside = (name: string) => join(folder.path, name);
    await mkdir(inside('1-0-folder'));
    await writeFile(inside('1-0-folder/1-0-deep'), 'hello');
    await writeFile(inside('2-0-of-another'), 'hello');
    await writeFile(inside('1-0-short'), 'hell');
    await writeFile(inside('1-0-good'), 'hello');
    await symlink(inside('1-0-good'), inside('1-0-link'));
    const outputs = outputFolder(folder.path);
    const before = (await readdir(folder.path)).toSorted();
    const bad = [
      '1-0-folder/1-0-deep',
      '2-0-of-another',
      '1-0-short',
      '1-0-link',
      '1-0-folder',
      '../1-0-x',
      '1-0-no',
    ];
    for (const name of bad) {
      expect(() => outputs.takeOver(fileOf(inside(name), 5), '1-0-'), name).toThrow();
    }
    expect((await readdir(folder.path)).toSorted()).toEqual(before);
    expect(existsSync(outputs.takeOver(fileOf(`${folder.path}/x/../1-0-good`, 5), '1-0-').path)).toBe(true);
  });
});

describe('the folder of a WEE', () => {
  test('goes with it; and those of WEEs that have died go when one starts', async () => {
    const { pid: dead } = spawnSync(process.execPath, ['--version']);
    const folderOf = (pid: number) => mkdtemp(join(tmpdir(), `tenma-outputs-${pid}-`));
    const [orphan, living, before, beside] = await Promise.all([
      folderOf(dead),
      folderOf(process.ppid),
      folderOf(process.pid),
      folderOf(process.pid),
    ]);
    await writeFile(join(orphan, 'x'), 'x');
    // Of a process that had this process id before.
    await utimes(before, 1, 1);
    const opened = await openOutputFolder(systemClock());
    expect([orphan, living, before, beside, opened.path].map((path) => existsSync(path))).toEqual([
      false,
      true,
      false,
      true,
      true,
    ]);
    await opened[Symbol.asyncDispose]();
    expect(existsSync(opened.path)).toBe(false);
    for (const path of [living, beside]) await rm(path, { recursive: true });
  });
});
