import { problem, type Task } from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import {
  createClient,
  ResultTimeoutError,
  TaskCancelledError,
  TaskExpiredError,
  TaskFailedError,
  type TenmaError,
} from './index.ts';
import { sendJson, sendProblem, startFakeLe } from './testing/index.ts';

const succeed = (task: Task) => ({ state: 'succeeded', output: { echoed: task.input } }) as const;
const fast = { random: () => 0 };

describe('result', () => {
  it('is what the task returned, also when it had ended before it was asked for', async () => {
    await using le = await startFakeLe({ run: succeed });
    await using client = createClient({ url: le.url });
    expect(await client.run('echo', { n: 1 })).toEqual({ echoed: { n: 1 } });
    const [id = ''] = le.tasks.keys();
    expect(await client.task(id).result()).toEqual({ echoed: { n: 1 } });
  });

  it('comes as soon as the task ends, from one request', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    const handle = await client.submit('echo', 1);
    const asked = le.next(({ path }) => path.includes('wait=30'));
    const result = handle.result();
    await asked;
    le.change(handle.id, { state: 'succeeded', output: 2 });
    expect(await result).toBe(2);
    expect(le.requests).toHaveLength(2);
  });

  it.each([
    ['failed', TaskFailedError, { code: 'dns', retryable: true }],
    ['cancelled', TaskCancelledError, { code: 'cancelled', retryable: false }],
    ['expired', TaskExpiredError, { code: 'deadline_exceeded', retryable: false }],
  ] as const)('throws the error that tells of a task that %s', async (state, type, said) => {
    const error = state === 'failed' ? { code: 'dns', message: 'no such host', retryable: true } : null;
    await using le = await startFakeLe({ run: () => ({ state, error }) });
    await using client = createClient({ url: le.url });
    const handle = await client.submit('echo', 1);
    const thrown = (await handle.result().catch((caught: unknown) => caught)) as TaskFailedError;
    expect(thrown).toBeInstanceOf(type);
    expect(thrown).toMatchObject({ ...said, taskId: handle.id, task: { id: handle.id, state } });
    expect(await handle.finished()).toMatchObject({ state });
  });

  it('is given up after the time allowed, saying what the task was last seen to do', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    const handle = await client.submit('echo', 1);
    le.change(handle.id, { state: 'waiting', reason: 'no_eligible_worker' });
    const thrown = await handle.result({ timeoutMs: 1_000 }).catch((caught: unknown) => caught);
    expect(thrown).toBeInstanceOf(ResultTimeoutError);
    expect(thrown).toMatchObject({ code: 'result_timeout', retryable: true, taskId: handle.id });
    expect((thrown as Error).message).toContain('is still waiting (no_eligible_worker)');
  });

  it('has a deadline of its own when none is given: that of the task', async () => {
    let now = 0;
    const clock = {
      now: () => Date.now(),
      monotonic: () => now,
      sleep: (ms: number) => Promise.resolve(void (now += ms)),
    };
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url, clock });
    const handle = await client.submit('echo', 1, { total_timeout_ms: 60_000 });
    const began = Date.now();
    // A server that does not hold requests, and whose clock goes as the test's does.
    le.play((_request, response) =>
      sendJson(response, 200, le.tasks.get(handle.id), { date: new Date(began + now).toUTCString() }),
    );
    await expect(handle.result()).rejects.toMatchObject({ code: 'result_timeout' });
    expect(now).toBeGreaterThan(60_000);
    expect(now).toBeLessThan(70_000);
  });

  it('is waited for through an outage of LE', async () => {
    await using le = await startFakeLe({ run: succeed });
    await using client = createClient({ url: le.url, retryForMs: 0, ...fast });
    const handle = await client.submit('echo', 1);
    let refusals = 3;
    le.play((_request, response) => {
      refusals -= 1;
      if (refusals < 0) return false;
      if (refusals === 0) return sendProblem(response, problem('store_unavailable'));
      return Boolean(response.destroy());
    });
    expect(await handle.result({ timeoutMs: 5_000 })).toEqual({ echoed: 1 });
  });

  it('of an unknown task is an error at once', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    const unknown = client.task('01990b4c-6f2a-7cc3-9d5e-0f6d2f1a7b10');
    await expect(unknown.result()).rejects.toMatchObject({ code: 'unknown_task', status: 404 });
  });

  it('ends with the reason of the signal', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    const handle = await client.submit('echo', 1);
    const controller = new AbortController();
    const asked = le.next(({ path }) => path.includes('wait='));
    const result = handle.result({ signal: controller.signal });
    await asked;
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(result).rejects.toBe(reason);
  });

  it('of many tasks is waited for with few requests at once, each short while others stand in line', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url, waits: 2 });
    const handles = await Promise.all([1, 2, 3].map((input) => client.submit('echo', input)));
    const [first = '', second = '', third = ''] = handles.map(({ id }) => id);
    const end = (id: string) => le.change(id, { state: 'succeeded', output: 'done' });
    const waits = () => le.requests.flatMap(({ path }) => /\?(wait=\d+)/.exec(path)?.[1] ?? []);
    const full = le.next(({ path }) => path.includes(second));
    const results = Promise.all(handles.map((handle) => handle.result()));
    await full;
    expect(waits()).toEqual(['wait=1', 'wait=1']);
    const moved = le.next(({ path }) => path.includes(third));
    end(first);
    await moved;
    expect(waits()[2]).toBe('wait=30');
    end(second);
    end(third);
    expect(await results).toEqual(['done', 'done', 'done']);
  });
});

describe('map', () => {
  it('gives the outputs in the order of the inputs, with failures in their places', async () => {
    const run = (task: Task) =>
      task.input === 1
        ? ({ state: 'failed', error: { code: 'odd', message: 'no', retryable: false } } as const)
        : succeed(task);
    await using le = await startFakeLe({ run });
    await using client = createClient({ url: le.url });
    const results = await client.map('echo', [0, 1, 2], { labels: { job: 'x' } });
    expect(results.map((result) => (result.ok ? result.output : (result.error as TenmaError).code))).toEqual([
      { echoed: 0 },
      'odd',
      { echoed: 2 },
    ]);
    expect([...le.tasks.values()].every((task) => task.labels['job'] === 'x')).toBe(true);
  });

  it('sends one input to many regions', async () => {
    await using le = await startFakeLe({ run: succeed });
    await using client = createClient({ url: le.url });
    const results = await client.map('echo', ['a', 'b'], { regions: ['tokyo', 'dublin'] });
    expect(results).toMatchObject([
      { index: 0, region: 'tokyo', ok: true, output: { echoed: ['a', 'b'] } },
      { index: 1, region: 'dublin', ok: true },
    ]);
    expect([...le.tasks.values()].map((task) => task.region)).toEqual(['tokyo', 'dublin']);
  });

  it('keeps no more tasks under way than it may', async () => {
    await using le = await startFakeLe({ run: succeed });
    await using client = createClient({ url: le.url });
    function* inputs() {
      for (let index = 0; index < 7; index += 1) {
        const unfinished = [...le.tasks.values()].filter((task) => task.finished_at === null).length;
        expect(unfinished).toBeLessThan(3);
        yield index;
      }
    }
    expect(await client.map('echo', inputs(), { concurrency: 3 })).toHaveLength(7);
  });

  it('ends with an input that JSON cannot carry, and submits nothing after it', async () => {
    await using le = await startFakeLe({ run: succeed });
    await using client = createClient({ url: le.url });
    let taken = 0;
    function* inputs() {
      for (; taken < 1_000; taken += 1) yield taken === 3 ? 3n : taken;
    }
    await expect(client.map('echo', inputs(), { concurrency: 2 })).rejects.toThrow(TypeError);
    const takenThen = taken;
    // What went on would take its next inputs meanwhile.
    for (let count = 0; count < 3; count += 1) await client.run('other', count);
    expect(taken).toBe(takenThen);
    expect([...le.tasks.values()].filter(({ type }) => type === 'echo').length).toBeLessThanOrEqual(4);
  });

  it('ends when its inputs cannot be read any further', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    function* inputs() {
      yield 1;
      throw new Error('torn');
    }
    await expect(client.map('echo', inputs())).rejects.toThrow('torn');
    await client.submit('other', 1);
    expect([...le.tasks.values()]).toMatchObject([{ type: 'other' }]);
  });

  it('says of an input that LE refuses that no task was made', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    const [result] = await client.map('Not An Id', [1]);
    expect(result).toMatchObject({ ok: false, taskId: undefined, error: { code: 'invalid_request' } });
  });
});
