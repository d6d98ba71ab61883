import { once } from 'node:events';
import { taskTypeSchema } from '@tenma/protocol';
import { type AnyWorker, runWorker, taskTypeOf } from '@tenma/worker';
import { type FromHost, lineCharacters, readMessages, spawnHost } from '@tenma/worker/messages';
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

describe('while they are updated', () => {
  const workers: readonly AnyWorker[] = builtIn;

  test('all workers that only observe may run in two versions, and the one that acts may not', () => {
    const acting = workers.filter((worker) => taskTypeOf(worker).shadow !== true);
    expect(acting.map(({ type }) => type)).toEqual(['http-action']);
  });

  const up = { verdict: 'up', reason: 'ok', timings: { total_ms: 1 } };
  const target = { region_id: 'r', endpoint: 'localhost:1', p50_ms: 3 };
  test.each([
    ['probe-http', up, { ...up, timings: { total_ms: 9 } }, { ...up, verdict: 'down' }],
    ['probe-dns', up, { ...up, answers: ['192.0.2.1'] }, { ...up, verdict: 'down' }],
    [
      'latency-probe',
      { results: [target] },
      { results: [{ ...target, p50_ms: 4 }] },
      { results: [{ ...target, p50_ms: null }] },
    ],
    [
      'latency-matrix',
      { matrix: { a: { b: 1 } }, elapsed_ms: 1 },
      { matrix: { a: { b: 1 } }, elapsed_ms: 2 },
      { matrix: { a: { b: 2 } }, elapsed_ms: 1 },
    ],
    [
      'region-failover',
      { proposal: 'stay', confirmations: [] },
      { proposal: 'stay', confirmations: [{ node_id: 'n' }] },
      { proposal: 'fail_over', confirmations: [] },
    ],
  ])('outputs of %s are the same where they mean the same', (type, before, same, other) => {
    const worker = workers.find((each) => each.type === type);
    expect(worker?.shadow?.(before, same)).toBe(true);
    expect(worker?.shadow?.(before, other)).toBe(false);
  });
});

test('a worker process loads both packages by name', async () => {
  const packages = ['@tenma/workers', '@tenma/workers/testing'];
  const { child, incoming, leave } = spawnHost(packages, { env: process.env, output: 2 });
  expect.assert(incoming !== undefined, 'a process');
  const exited = once(child, 'exit');
  const message = await new Promise<FromHost>((resolve, reject) =>
    readMessages(incoming, lineCharacters, {
      onMessage: (sent) => resolve(sent as FromHost),
      onFault: (why) => reject(new Error(why)),
    }),
  );
  leave();
  await exited;
  const types = message.kind === 'loaded' ? message.workers.map(({ type }) => type.type) : message;
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
