import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Json } from '@tenma/protocol';
import { temporaryFolder, until } from '@tenma/test-support';
import { describe, expect, test } from 'vitest';
import type { FromHost, HostEvent, Run, ToHost } from './messages.ts';
import { workerHostUrl } from './url.ts';

const fixtures = new URL('./fixtures/workers.ts', import.meta.url).href;

interface Host extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly messages: FromHost[];
  readonly events: HostEvent[];
  readonly stderr: () => string;
  run(...runs: (Partial<Run> & { run_id: number; type: string; input: Json })[]): void;
  abort(run_id: number, reason: 'timeout' | 'cancelled'): void;
  ended(run_id: number): Promise<HostEvent>;
}

function startHost(...specifiers: string[]): Host {
  const child = fork(workerHostUrl, specifiers, { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const messages: FromHost[] = [];
  const events: HostEvent[] = [];
  let stderr = '';
  child.stderr?.on('data', (chunk) => (stderr += String(chunk)));
  child.on('message', (message: FromHost) => {
    messages.push(message);
    if (message.kind === 'events') events.push(...message.events);
  });
  const gone = once(child, 'exit');
  const end = (run_id: number) => events.find((event) => event.run_id === run_id && isEnd(event));
  const send = (message: ToHost) => void child.send(message);
  return {
    child,
    messages,
    events,
    stderr: () => stderr,
    run: (...runs) => send({ kind: 'run', runs: runs.map((run) => ({ ...example, ...run })) }),
    abort: (run_id, reason) => send({ kind: 'abort', run_id, reason }),
    async ended(run_id) {
      await until(() => end(run_id) !== undefined, { what: `the end of run ${run_id}`, everyMs: 2 });
      return end(run_id)!;
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}

const isEnd = ({ kind }: HostEvent) => kind === 'succeeded' || kind === 'failed';

const example = { task_id: 'task-1', attempt: 2, idempotency_key: 'key-1', region: 'eu-west-1' };

async function readyHost(): Promise<Host> {
  const host = startHost(fixtures);
  await until(() => host.messages.length > 0, { what: 'ready', everyMs: 5 });
  return host;
}

describe('a worker process', () => {
  test('announces the types it has loaded', async () => {
    await using host = await readyHost();
    const [first] = host.messages;
    expect(first?.kind).toBe('ready');
    expect(first?.kind === 'ready' && first.types.map(({ type }) => type)).toContain('counting');
  });

  test('tells what it could not load, and ends', async () => {
    await using folder = await temporaryFolder();
    await using host = startHost(`${folder.path}/nothing-here.ts`);
    const [code] = (await once(host.child, 'exit')) as [number];
    expect(code).toBe(78);
    expect(host.messages).toEqual([
      {
        kind: 'load_failed',
        error: expect.objectContaining({ code: 'worker_error', retryable: false }) as unknown,
      },
    ]);
    expect(JSON.stringify(host.messages)).toContain('nothing-here.ts');
  });

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
    expect(host.events.map(({ kind, run_id }) => `${kind} ${run_id}`)).toEqual([
      'abort_received 1',
      'abort_received 99',
      'failed 1',
    ]);
  });

  test('maps every kind of failure', async () => {
    await using host = await readyHost();
    const inputs = ['class', 'expected', 'bigint', 'large', 'text', 'wrong'];
    host.run(...inputs.map((input, run_id) => ({ run_id, type: 'throwing', input })));
    host.run({ run_id: 6, type: 'absent', input: null });
    const errors = await Promise.all([0, 1, 2, 3, 4, 5, 6].map((run_id) => host.ended(run_id)));
    expect(errors.map((event) => event.kind === 'failed' && event.error)).toMatchObject([
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
      { code: 'result_too_large', retryable: false },
      { code: 'worker_error', retryable: true, name: 'string', message: 'only a text' },
      { code: 'invalid_input', retryable: false, details: { errors: [{ pointer: '' }] } },
      { code: 'unknown_type', retryable: false },
    ]);
  });

  test('runs many attempts at once and ends them in few messages', async () => {
    await using host = await readyHost();
    const ids = Array.from({ length: 500 }, (_, run_id) => run_id);
    host.run({ run_id: 9_999, type: 'waiting', input: null });
    host.run(...ids.map((run_id) => ({ run_id, type: 'echo', input: run_id })));
    await until(() => host.events.length === ids.length, { what: 'the end of all runs' });
    const outputs = host.events.map((event) => event.kind === 'succeeded' && event.output);
    expect(new Set(outputs)).toEqual(new Set(ids));
    expect(host.messages.length).toBeLessThan(20);
  });

  test('outlives SIGINT and SIGTERM: the WEE drains it', async () => {
    await using host = await readyHost();
    host.child.kill('SIGINT');
    host.child.kill('SIGTERM');
    host.run({ run_id: 1, type: 'echo', input: 'still here' });
    expect(await host.ended(1)).toMatchObject({ output: 'still here' });
  });

  test('ends with 70 and a stack on stderr when a promise is rejected and nobody awaits it', async () => {
    await using host = await readyHost();
    host.run({ run_id: 1, type: 'echo', input: 1 }, { run_id: 2, type: 'lose-control', input: null });
    const [code] = (await once(host.child, 'exit')) as [number];
    expect(code).toBe(70);
    await until(() => host.stderr().includes('nobody awaits me'));
  });

  test('ends when the channel closes', async () => {
    await using host = await readyHost();
    host.run({ run_id: 1, type: 'waiting', input: null });
    host.child.disconnect();
    const [code] = (await once(host.child, 'exit')) as [number];
    expect(code).toBe(0);
  });

  test.each(['waiting', 'spin'])('dies within a second of its parent while it runs `%s`', async (type) => {
    const program = fileURLToPath(new URL('./fixtures/parent.ts', import.meta.url));
    const parent = spawn(process.execPath, [program, type], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
    const pid = Number(line);
    expect(isAlive(pid)).toBe(true);
    const killedAt = performance.now();
    parent.kill('SIGKILL');
    await until(() => !isAlive(pid), { what: 'the end of the orphan', timeoutMs: 3_000 });
    expect(performance.now() - killedAt).toBeLessThan(1_000);
  });
});

/** A zombie is dead: who reaps an orphan, and when, is the affair of the machine. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    if (process.platform !== 'linux') return true;
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
