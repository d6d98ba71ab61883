import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { temporaryFolder } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import { packSdks } from '../../tools/pack-sdks.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const execute = promisify(execFile);

/** Plain JavaScript of somebody who has installed the packages. */
const script = `
import { createClient, TaskFailedError } from '@tenma/client';
import { startFakeLe } from '@tenma/client/testing';
import { errorCatalogue } from '@tenma/protocol';
import { defineWorker, isWorker } from '@tenma/worker';
import { runForTest } from '@tenma/worker/testing';
import { z } from 'zod';

const shout = defineWorker({
  type: 'shout',
  version: '1.0.0',
  description: 'Says it louder.',
  input: z.object({ text: z.string() }),
  output: z.object({ text: z.string() }),
  run: ({ input }) => ({ text: input.text.toUpperCase() }),
});
const fails = { state: 'failed', error: { code: 'hoarse', message: 'no voice', retryable: false } };
const le = await startFakeLe({
  run: (task) => (task.input.text ? { state: 'succeeded', output: shout.run({ input: task.input }) } : fails),
});
const client = createClient({ url: le.url });
const output = await client.run(shout, { text: 'relay' });
const error = await client.run(shout, { text: '' }).catch((thrown) => thrown);
await client[Symbol.asyncDispose]();
await le[Symbol.asyncDispose]();
const { outcome } = await runForTest(shout, { text: 'relay' });
const failed = error instanceof TaskFailedError ? error.code : String(error);
console.log(JSON.stringify({ worker: isWorker(shout), tested: outcome.kind, output, failed, catalogue: 'unknown_type' in errorCatalogue }));
`;

/** A page or a service that only submits: any runtime with fetch. */
const caller = `
import { createClient, TaskFailedError, type TaskHandle } from '@tenma/client';
import type { Task } from '@tenma/protocol';
import { z } from 'zod';

const shout = { type: 'shout', input: z.object({ text: z.string() }), output: z.object({ words: z.int() }) };
export async function use(): Promise<string> {
  await using client = createClient();
  const handle: TaskHandle<{ words: number }> = await client.submit(shout, { text: 'a' }, { priority: 9 });
  const task: Task = await handle.get();
  // @ts-expect-error: the input lacks its text
  await client.run(shout, {});
  // @ts-expect-error: the output has no such field
  (await handle.result()).letters;
  for await (const event of handle.events()) if (event.kind === 'result') return event.data.state;
  return new TaskFailedError(task).code;
}
`;

/** Somebody who writes a worker and calls it: types of both sides from one definition. */
const author = `
import { createClient } from '@tenma/client';
import { defineWorker } from '@tenma/worker';
import { z } from 'zod';

export const shout = defineWorker({
  type: 'shout',
  version: '1.0.0',
  description: 'Says it louder.',
  input: z.object({ text: z.string(), times: z.int().default(1) }),
  output: z.object({ text: z.string() }),
  run: ({ input }) => ({ text: input.text.repeat(input.times) }),
});
export const said: Promise<{ text: string }> = createClient().run(shout, { text: 'a' });
`;

/** What the packages need from the registry, as installed here: the test passes without a network. */
const fromHere = ['zod', 'semver', '@standard-schema/spec', '@types/node', 'undici-types'].map((name) =>
  join(root, 'node_modules', name),
);

/** What the compiler says of a file; nothing when all is well. */
async function faultsOf(file: string, cwd: string, ...options: string[]): Promise<string> {
  const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '--noEmit', '--strict', '--module', 'nodenext'];
  return execute(process.execPath, [...tsc, ...options, file], { cwd }).then(
    ({ stdout }) => stdout,
    (error: { stdout: string }) => error.stdout,
  );
}

describe('the SDKs', () => {
  // About 6 s on an idle machine, nearly all of it npm (packing, installing) and five runs of the compiler.
  it('install in an empty project, run as JavaScript and carry their types', {
    timeout: 60_000,
  }, async () => {
    await using folder = await temporaryFolder();
    const project = join(folder.path, 'project');
    await mkdir(project);
    const tarballs = await packSdks(join(folder.path, 'tarballs'));
    const quiet = ['--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    await execute('npm', ['install', ...quiet, ...tarballs, ...fromHere], { cwd: project });

    await writeFile(join(project, 'script.mjs'), script);
    const { stdout } = await execute(process.execPath, ['script.mjs'], { cwd: project });
    expect(JSON.parse(stdout)).toEqual({
      worker: true,
      tested: 'succeeded',
      output: { text: 'RELAY' },
      failed: 'hoarse',
      catalogue: true,
    });

    await writeFile(join(project, 'caller.mts'), caller);
    await writeFile(join(project, 'author.mts'), author);
    const faults = await Promise.all([
      faultsOf('caller.mts', project, '--lib', 'esnext,dom', '--types', ''),
      faultsOf('author.mts', project, '--lib', 'esnext', '--types', 'node'),
    ]);
    expect(faults).toEqual(['', '']);
  });
});
