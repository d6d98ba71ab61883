import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { threadId } from 'node:worker_threads';
import { temporaryFolder, until } from '@tenma/test-support';
import { describe, expect, test } from 'vitest';
import { outputPrefix } from './messages.ts';
import { createOutputFiles } from './output-files.ts';

/** Some megabytes that do not pack well. */
const text = Array.from({ length: 400_000 }, (_, i) => Math.sin(i)).join(' ');

describe('files of large outputs', () => {
  test.each([0, 1, 3, 10])(
    'are gone when the attempt is aborted %i turns after their start',
    async (turns) => {
      await using folder = await temporaryFolder();
      const controller = new AbortController();
      const writing = createOutputFiles(folder.path).write(text, controller.signal);
      const settled = writing.catch((error: unknown) => error);
      for (let i = 0; i < turns; i++) await turn();
      const reason = new Error('enough');
      controller.abort(reason);
      expect(await settled).toBe(reason);
      expect(await readdir(folder.path)).toEqual([]);
    },
  );

  test('are removed at once while they are being written, and only then', async () => {
    await using folder = await temporaryFolder();
    const files = createOutputFiles(folder.path);
    const { signal } = new AbortController();
    const done = await files.write('"small"', signal);
    const writing = files.write(text, signal);
    await until(async () => (await readdir(folder.path)).length === 2, { everyMs: 1 });
    files.discard();
    expect(await readdir(folder.path)).toHaveLength(1);
    expect(existsSync(done.path)).toBe(true);
    expect(basename(done.path).startsWith(outputPrefix(process.pid, threadId))).toBe(true);
    await writing;
  });
});
