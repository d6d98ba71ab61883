import { fork } from 'node:child_process';
import { once } from 'node:events';
import { taskTypeSchema } from '@tenma/protocol';
import { type AnyWorker, runWorker, taskTypeOf, workerHostUrl } from '@tenma/worker';
import type { FromHost } from '@tenma/worker/messages';
import { describe, expect, test } from 'vitest';
import builtIn from './index.ts';
import testing from './testing.ts';

const task = { id: 't', attempt: 1, idempotency_key: 'k', region: 'r' };
const all: AnyWorker[] = [...builtIn, ...testing];

describe('every worker', () => {
  test.each(all.map((worker) => [worker.type, worker] as const))(
    '%s announces a task type',
    (_type, worker) => {
      const announced = taskTypeOf(worker);
      expect(taskTypeSchema.parse(JSON.parse(JSON.stringify(announced)))).toEqual(announced);
      expect(announced.example).toBeDefined();
    },
  );

  test.each(builtIn.map((worker) => [worker.type, worker] as const))(
    '%s takes its example',
    (_type, worker) => {
      expect(worker.input.safeParse(worker.example).success).toBe(true);
    },
  );

  test('has a type of its own', () => {
    expect(builtIn.map(({ type }) => type).toSorted()).toEqual([
      'http-action',
      'latency-matrix',
      'latency-probe',
      'probe-dns',
      'probe-http',
      'probe-icmp',
      'probe-tcp',
      'probe-tls',
      'region-failover',
    ]);
    expect(new Set(all.map(({ type }) => type)).size).toBe(all.length);
  });
});

test('a worker process loads both packages by name', async () => {
  const packages = ['@tenma/workers', '@tenma/workers/testing'];
  const child = fork(workerHostUrl, packages, {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [message] = (await once(child, 'message')) as [FromHost];
  child.disconnect();
  await once(child, 'exit');
  const types = message.kind === 'ready' ? message.types.map(({ type }) => type) : message;
  expect(types).toEqual(all.map(({ type }) => type));
});

describe('the workers for tests', () => {
  const run = (type: string, input: unknown, signal = new AbortController().signal) => {
    const worker = all.find((candidate) => candidate.type === type);
    if (worker === undefined) throw new Error(`no worker ${type}`);
    return runWorker(worker, { input, task, signal });
  };

  test('echo answers what it was given', async () => {
    expect(await run('echo', { a: [1, null] })).toEqual({ kind: 'succeeded', output: { a: [1, null] } });
  });

  test('throw throws', async () => {
    expect(await run('throw', {})).toMatchObject({
      error: { code: 'worker_error', message: 'thrown on purpose' },
    });
  });

  test('sleep ends when it is aborted, stubborn does not', async () => {
    const aborted = AbortSignal.abort(new Error('enough'));
    expect(await run('sleep', { ms: 60_000 }, aborted)).toMatchObject({ kind: 'failed' });
    expect(await run('stubborn', { ms: 1 }, aborted)).toEqual({ kind: 'succeeded', output: null });
  });
});
