import { silentLog, systemClock } from '@tenma/runtime';
import { until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import type { AttemptRequest, Outcome } from './attempt.ts';
import { type ProcessGroup, startProcessGroup } from './process-group.ts';

async function groupForTest(processes = 1): Promise<ProcessGroup> {
  return startProcessGroup(
    { clock: systemClock(), log: silentLog(), random: Math.random },
    { packages: ['@tenma/workers/testing'], processes, abortGraceMs: 200, heapMb: 64, environment: {} },
  );
}

function request(type: string, input: Record<string, number> = {}, timeoutMs = 5_000): AttemptRequest {
  const run = { type, input, task_id: 'task', attempt: 1, idempotency_key: 'key', region: 'here' };
  return { run, timeoutMs, onProgress: () => undefined, onRestart: () => undefined };
}

const codeOf = (outcome: Outcome) => (outcome.outcome === 'failed' ? outcome.error.code : outcome.outcome);

describe('a process group', () => {
  it('runs attempts side by side and gives their outputs', async () => {
    await using group = await groupForTest(2);
    const outcomes = await Promise.all([1, 2, 3].map((n) => group.start(request('echo', { n })).ended));
    expect(outcomes).toEqual([1, 2, 3].map((n) => ({ outcome: 'succeeded', output: { n } })));
  });

  it('fails an attempt that ignores its abort, and lets its neighbours finish', async () => {
    await using group = await groupForTest();
    const neighbour = group.start(request('sleep', { ms: 300 }));
    const stubborn = group.start(request('stubborn', { ms: 60_000 }, 100));
    expect(codeOf(await stubborn.ended)).toBe('attempt_timeout');
    expect(codeOf(await neighbour.ended)).toBe('succeeded');
  });

  it('finds the one who crashed the process among its neighbours, and runs the others again at no cost', async () => {
    await using group = await groupForTest();
    const neighbours = [1, 2, 3].map(() => group.start(request('sleep', { ms: 200 })).ended);
    const crash = group.start(request('crash'));
    expect(codeOf(await crash.ended)).toBe('worker_crashed');
    expect((await Promise.all(neighbours)).map(codeOf)).toEqual(['succeeded', 'succeeded', 'succeeded']);
  });

  it('times out an attempt that blocks the event loop, and frees its neighbours', async () => {
    await using group = await groupForTest();
    const spin = group.start(request('spin', {}, 200));
    const neighbour = group.start(request('sleep', { ms: 10 }, 5_000));
    expect(codeOf(await neighbour.ended)).toBe('succeeded');
    expect(codeOf(await spin.ended)).toBe('attempt_timeout');
  });

  it('fails an attempt that exhausts the heap', async () => {
    await using group = await groupForTest();
    expect(codeOf(await group.start(request('heap')).ended)).toBe('worker_crashed');
  });

  it('cancels a running attempt, and one that ignores it', async () => {
    await using group = await groupForTest(2);
    const polite = group.start(request('sleep', { ms: 60_000 }));
    const stubborn = group.start(request('stubborn', { ms: 60_000 }));
    await group.start(request('echo')).ended;
    group.cancel(polite.runId);
    group.cancel(stubborn.runId);
    expect(await polite.ended).toEqual({ outcome: 'cancelled' });
    expect(await stubborn.ended).toEqual({ outcome: 'cancelled' });
  });

  it('heals: after a crash it takes attempts again', async () => {
    await using group = await groupForTest();
    await group.start(request('crash')).ended;
    const started = performance.now();
    expect(codeOf(await group.start(request('echo')).ended)).toBe('succeeded');
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it('does not start with packages that do not load', async () => {
    const components = { clock: systemClock(), log: silentLog(), random: Math.random };
    await expect(
      startProcessGroup(components, { packages: ['@tenma/nothing'], processes: 1, environment: {} }),
    ).rejects.toThrow(/@tenma\/nothing/);
  });

  it('leaves no process behind', async () => {
    const pids = () => process.getActiveResourcesInfo().filter((kind) => kind === 'ProcessWrap').length;
    const before = pids();
    const group = await groupForTest(2);
    await group[Symbol.asyncDispose]();
    await until(() => pids() <= before);
  });
});
