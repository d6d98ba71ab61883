import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import { temporaryFolder, until } from '@tenma/test-support';
import { describe, expect, test } from 'vitest';
import {
  fixtures,
  isEnd,
  newerFixtures,
  startProcess,
  startThread,
  type TestHost,
} from './fixtures/test-host.ts';

const unpack = promisify(zstdDecompress);
const large = 200_000;

describe.each([
  ['process', startProcess],
  ['thread', startThread],
])('a worker %s', (_kind, start) => {
  async function readyHost(outputFolder?: string): Promise<TestHost> {
    const host = start([fixtures], outputFolder);
    await host.loaded();
    return host;
  }

  test('runs attempts, hands them their task, and tells the ends', async () => {
    await using host = await readyHost();
    host.run(
      { run_id: 1, type: 'echo', input: { a: [1, 'é', null] } },
      { run_id: 2, type: 'task', input: null },
    );
    expect(await host.ended(1)).toEqual({ kind: 'succeeded', run_id: 1, output: { a: [1, 'é', null] } });
    expect(await host.ended(2)).toMatchObject({
      output: { id: 'task-1', attempt: 2, idempotency_key: 'key-1', region: 'eu-west-1' },
    });
  });

  test('tells progress in order and before the end', async () => {
    await using host = await readyHost();
    host.run({ run_id: 1, type: 'counting', input: { to: 20 } });
    await host.ended(1);
    const seen = host.events.map((event) => (event.kind === 'progress' ? event.progress : event.kind));
    expect(seen).toEqual([...Array.from({ length: 20 }, (_, i) => ({ at: i + 1 })), 'succeeded']);
  });

  test('aborts the attempt that is named, and says why it ended', async () => {
    await using host = await readyHost();
    host.run({ run_id: 1, type: 'waiting', input: null }, { run_id: 2, type: 'waiting', input: null });
    host.abort(99, 'timeout');
    host.abort(1, 'timeout');
    expect(await host.ended(1)).toMatchObject({ error: { code: 'attempt_timeout', retryable: true } });
    expect(host.events.filter(isEnd)).toHaveLength(1);
    host.abort(2, 'cancelled');
    expect(await host.ended(2)).toMatchObject({ error: { code: 'cancelled', retryable: false } });
  });

  test('confirms every abort before the worker hears of it', async () => {
    await using host = await readyHost();
    host.run({ run_id: 1, type: 'waiting', input: null });
    host.abort(1, 'cancelled');
    host.abort(99, 'timeout');
    await until(() => host.events.length === 3);
    const order = host.events.map(({ kind, run_id }) => `${kind} ${run_id}`);
    expect(order.toSorted()).toEqual(['abort_received 1', 'abort_received 99', 'failed 1']);
    expect(order[0]).toBe('abort_received 1');
  });

  test('maps every kind of failure', async () => {
    await using host = await readyHost();
    const inputs = ['class', 'expected', 'bigint', 'text', 'wrong'];
    host.run(...inputs.map((input, run_id) => ({ run_id, type: 'throwing', input })));
    host.run({ run_id: 5, type: 'absent', input: null });
    host.run({ run_id: 6, type: 'echo', version: '9.0.0', input: null });
    const ends = await Promise.all([0, 1, 2, 3, 4, 5, 6].map((run_id) => host.ended(run_id)));
    expect(ends.map((event) => event.kind === 'failed' && event.error)).toMatchObject([
      {
        code: 'worker_error',
        retryable: true,
        name: 'PrinterOnFire',
        message: 'lp0 on fire',
        details: { stack: expect.stringContaining('workers.ts') as unknown },
      },
      {
        code: 'busy',
        retryable: true,
        name: 'WorkerError',
        message: 'come back later',
        details: { queue: 3 },
      },
      { code: 'invalid_output', retryable: false },
      { code: 'worker_error', retryable: true, name: 'string', message: 'only a text' },
      { code: 'invalid_input', retryable: false, details: { errors: [{ pointer: '' }] } },
      { code: 'unknown_type', retryable: false },
      { code: 'unknown_type', message: expect.stringContaining('echo@9.0.0') as unknown },
    ]);
    const refused = ends.map((event) => event.kind === 'failed' && event.refused === true);
    expect(refused).toEqual([false, false, false, false, true, false, false]);
  });

  test('runs many attempts at once and ends them in few messages', async () => {
    await using host = await readyHost();
    const ids = Array.from({ length: 500 }, (_, run_id) => run_id);
    host.run({ run_id: 9_999, type: 'waiting', input: null });
    host.run(...ids.map((run_id) => ({ run_id, type: 'echo', input: run_id })));
    await until(() => host.events.length === ids.length, { what: 'the end of all runs' });
    const outputs = host.events.map(
      (event) => event.kind === 'succeeded' && 'output' in event && event.output,
    );
    expect(new Set(outputs)).toEqual(new Set(ids));
    expect(host.messages.length).toBeLessThan(20);
  });

  test('ends with 70, after it has told what had ended, when nobody awaits a promise that is rejected', async () => {
    await using host = await readyHost();
    host.run({ run_id: 1, type: 'echo', input: 1 }, { run_id: 2, type: 'lose-control', input: null });
    expect(await host.gone).toBe(70);
    expect(await host.ended(1)).toMatchObject({ output: 1 });
  });

  test('estimates slots by the input: rounded up, and between 1 and 100', async () => {
    await using host = await readyHost();
    const weigh = { kind: 'estimate', type: 'weighing', version: '1.0.0' } as const;
    const inputs = [{}, { kg: 5 }, { kg: 0 }, { kg: 5_000 }, { kg: 'heavy' }, { kg: 2_000_000 }];
    for (const [ask_id, input] of inputs.entries()) host.send({ ...weigh, ask_id, input });
    host.send({ ...weigh, ask_id: 6, version: '2.0.0', input: {} });
    host.send({ ...weigh, ask_id: 7, type: 'echo', input: {} });
    const answers = await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map((ask_id) => host.answered(ask_id)));
    expect(answers).toMatchObject([
      { value: 1 },
      { value: 3 },
      { value: 1 },
      { value: 100 },
      { error: expect.stringContaining('the input does not fit: /kg') as unknown },
      { error: 'no scales for that' },
      { error: expect.stringContaining('weighing@2.0.0 is not loaded') as unknown },
      { value: 1 },
    ]);
  });

  test('says whether two outputs mean the same', async () => {
    await using host = await readyHost();
    const compare = { kind: 'compare', type: 'weighing', version: '1.0.0' } as const;
    host.send({ ...compare, ask_id: 1, before: { kg: 1, at: 1 }, after: { kg: 1, at: 2 } });
    host.send({ ...compare, ask_id: 2, before: { kg: 1, at: 1 }, after: { kg: 2, at: 1 } });
    host.send({ ...compare, ask_id: 3, before: null, after: { kg: 2, at: 1 } });
    host.send({ ...compare, ask_id: 4, type: 'echo', before: 1, after: 1 });
    expect(await Promise.all([1, 2, 3, 4].map((ask_id) => host.answered(ask_id)))).toMatchObject([
      { value: true },
      { value: false },
      { error: expect.any(String) as unknown },
      { error: 'echo@1.0.0 has no shadow' },
    ]);
  });

  test('gives an output too large for a message as a packed file', async () => {
    await using folder = await temporaryFolder();
    await using host = await readyHost(folder.path);
    host.run({ run_id: 1, type: 'verbose', input: { characters: large } });
    const end = await host.ended(1);
    if (end.kind !== 'succeeded' || !('file' in end)) throw new Error(`no file: ${JSON.stringify(end)}`);
    const { path, bytes, stored_bytes, content_encoding, sha256 } = end.file;
    const stored = await readFile(path);
    const text = await unpack(stored);
    expect(JSON.parse(text.toString())).toBe('é'.repeat(large));
    expect({ bytes, stored_bytes, content_encoding }).toEqual({
      bytes: 2 * large + 2,
      stored_bytes: stored.length,
      content_encoding: 'zstd',
    });
    expect(sha256).toBe(createHash('sha256').update(text).digest('hex'));
    expect((await readdir(folder.path)).map((name) => `${folder.path}/${name}`)).toEqual([path]);
  });

  test('writes no file of what is larger than a blob, or was aborted', async () => {
    await using folder = await temporaryFolder();
    await using host = await readyHost(folder.path);
    host.run(
      { run_id: 1, type: 'verbose', input: { characters: 34_000_000 } },
      { run_id: 2, type: 'verbose', input: { characters: large, afterAbort: true } },
    );
    host.abort(2, 'cancelled');
    expect(await host.ended(1)).toMatchObject({ error: { code: 'result_too_large', retryable: false } });
    expect(await host.ended(2)).toMatchObject({ error: { code: 'cancelled' } });
    expect(await readdir(folder.path)).toEqual([]);
  });

  test('fails an attempt whose file cannot be written, so that it is made again', async () => {
    await using host = await readyHost('/nowhere/at/all');
    host.run({ run_id: 1, type: 'verbose', input: { characters: large } });
    expect(await host.ended(1)).toMatchObject({ error: { code: 'internal', retryable: true } });
  });
});

describe.each([
  ['process', startProcess],
  ['thread', startThread],
])('packages of a worker %s', (_kind, start) => {
  test('are told as they were loaded, and may be none', async () => {
    await using host = start([fixtures]);
    const { workers, faults } = await host.loaded();
    expect(faults).toEqual([]);
    expect(workers.map(({ type }) => type.type)).toContain('counting');
    expect(new Set(workers.map(({ specifier }) => specifier))).toEqual(new Set([fixtures]));
    await using empty = start([]);
    expect(await empty.loaded()).toEqual({ kind: 'loaded', workers: [], faults: [] });
  });

  test('do no harm to each other when one does not load', async () => {
    await using folder = await temporaryFolder();
    const missing = `${folder.path}/nothing-here.ts`;
    await using host = start([missing, fixtures, import.meta.url.replace('host.test.ts', 'url.ts')]);
    const { workers, faults } = await host.loaded();
    expect(workers.map(({ type }) => type.type)).toContain('echo');
    expect(faults).toMatchObject([
      {
        specifier: missing,
        error: { retryable: false, message: expect.stringContaining(missing) as unknown },
      },
      { error: { message: expect.stringContaining('a worker or an array of workers') as unknown } },
    ]);
    host.run({ run_id: 1, type: 'echo', input: 'well' });
    expect(await host.ended(1)).toMatchObject({ output: 'well' });
  });

  test('can come later, with another version of a type that is there', async () => {
    await using host = start([fixtures]);
    await host.loaded();
    host.send({ kind: 'load', specifiers: [newerFixtures] });
    const { workers, faults } = await host.loaded(1);
    expect(workers.map(({ specifier, type }) => [specifier, type.type, type.version])).toEqual([
      [newerFixtures, 'echo', '1.1.0'],
    ]);
    expect(faults).toMatchObject([
      {
        specifier: newerFixtures,
        error: { message: expect.stringContaining('task@1.0.0 is loaded already') as unknown },
      },
    ]);
    host.run(
      { run_id: 1, type: 'echo', input: 1 },
      { run_id: 2, type: 'echo', version: '1.1.0', input: 1 },
      { run_id: 3, type: 'task', input: 1 },
    );
    expect(await host.ended(1)).toMatchObject({ output: 1 });
    expect(await host.ended(2)).toMatchObject({ output: { newer: 1 } });
    expect(await host.ended(3)).toMatchObject({ output: { id: 'task-1' } });
  });

  test('give the same when they are loaded again', async () => {
    await using host = start([fixtures]);
    const first = await host.loaded();
    host.send({ kind: 'load', specifiers: [fixtures] });
    expect(await host.loaded(1)).toEqual(first);
  });
});
