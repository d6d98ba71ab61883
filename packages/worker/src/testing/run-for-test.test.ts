import { describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { defineWorker, WorkerError } from '../index.ts';
import { leapingClock, manualClock, runForTest, startForTest } from './index.ts';

/** A job of minutes that says how far it is. */
const brew = defineWorker({
  type: 'brew',
  version: '1.0.0',
  description: 'Brews cups, one a minute.',
  input: z.object({ cups: z.int().default(1) }),
  output: z.object({ from: z.number(), to: z.number() }),
  progress: z.object({ cups: z.int() }),
  timeout_ms: 600_000,
  async run({ input, clock, progress, log, task }) {
    log('water is on', { region: task.region });
    const from = clock.now();
    for (let cups = 1; cups <= input.cups; cups++) {
      await clock.sleep(60_000);
      progress({ cups });
    }
    return { from, to: clock.now() };
  },
});

describe('runForTest', () => {
  test('runs a long job in no time, and captures what it reports', async () => {
    const { outcome, progress, logs } = await runForTest(brew, { cups: 3 }, { region: 'kitchen' });
    expect(outcome).toEqual({ kind: 'succeeded', output: { from: 0, to: 180_000 } });
    expect(progress).toEqual([{ cups: 1 }, { cups: 2 }, { cups: 3 }]);
    expect(logs).toEqual([{ message: 'water is on', fields: { region: 'kitchen' } }]);
    if (outcome.kind === 'succeeded') {
      expectTypeOf(outcome.output).toEqualTypeOf<{ from: number; to: number }>();
    }
    expectTypeOf<(typeof progress)[number]>().toEqualTypeOf<{ cups: number }>();
  });

  test('fills in defaults, and refuses an input that does not fit before the worker runs', async () => {
    expect((await runForTest(brew, {})).progress).toEqual([{ cups: 1 }]);
    // @ts-expect-error -- no number
    const { outcome, logs } = await runForTest(brew, { cups: 'three' });
    expect(outcome).toMatchObject({ kind: 'failed', refused: true, error: { code: 'invalid_input' } });
    expect(logs).toEqual([]);
  });

  test('hands over the task as it is told', async () => {
    const tell = defineWorker({
      ...brew,
      output: z.unknown(),
      run: ({ task }) => ({ ...task }),
    });
    const { outcome } = await runForTest(tell, {}, { attempt: 4, region: 'r', idempotencyKey: 'k' });
    expect(outcome).toMatchObject({ output: { attempt: 4, region: 'r', idempotency_key: 'k' } });
  });

  test('shows a failure as a caller sees it', async () => {
    const empty = defineWorker({
      ...brew,
      run() {
        throw new WorkerError('no beans', { code: 'no_beans' });
      },
    });
    const { outcome } = await runForTest(empty, {});
    expect(outcome).toMatchObject({ kind: 'failed', error: { code: 'no_beans', retryable: false } });
  });

  test('times an attempt out when it sleeps beyond its timeout', async () => {
    const clock = leapingClock();
    const { outcome, progress } = await runForTest(brew, { cups: 20 }, { clock });
    expect(outcome).toMatchObject({ kind: 'failed', error: { code: 'attempt_timeout' } });
    expect(progress).toHaveLength(10);
    expect(clock.now()).toBe(600_000);
    const shorter = await runForTest(brew, { cups: 20 }, { timeoutMs: 119_999 });
    expect(shorter.progress).toHaveLength(1);
  });

  test('is cancelled by a signal, also one that has aborted before', async () => {
    const controller = new AbortController();
    const run = startForTest(brew, { cups: 1 }, { signal: controller.signal, clock: manualClock() });
    controller.abort();
    expect((await run.ended).outcome).toMatchObject({ error: { code: 'cancelled' } });
    const again = await runForTest(brew, { cups: 1 }, { signal: controller.signal });
    expect(again).toMatchObject({ outcome: { error: { code: 'cancelled' } }, progress: [] });
  });
});

describe('startForTest', () => {
  test('goes as far as its clock is moved', async () => {
    const clock = manualClock(1_000);
    const run = startForTest(brew, { cups: 5 }, { clock });
    await clock.advance(59_999);
    expect(run.progress).toEqual([]);
    await clock.advance(1);
    expect(run.progress).toEqual([{ cups: 1 }]);
    await clock.advance(125_000);
    expect(run.progress).toHaveLength(3);
    expect(clock.now()).toBe(186_000);
    await clock.advance(1_000_000);
    expect((await run.ended).outcome).toMatchObject({ output: { from: 1_000, to: 301_000 } });
  });

  test.each([
    ['cancel', 'cancelled'],
    ['timeOut', 'attempt_timeout'],
  ] as const)('%s ends a sleep as %s', async (verb, code) => {
    const clock = manualClock();
    const run = startForTest(brew, { cups: 5 }, { clock });
    await clock.advance(60_000);
    run[verb]();
    const { outcome, progress } = await run.ended;
    expect(outcome).toMatchObject({ kind: 'failed', error: { code } });
    expect(progress).toHaveLength(1);
  });
});

describe('the clocks of tests', () => {
  /** When each of two loops, of other rhythms, wakes. */
  async function rhythms(sleep: (ms: number) => Promise<void>, now: () => number): Promise<string[]> {
    const seen: string[] = [];
    const loop = async (name: string, ms: number, times: number) => {
      for (let i = 0; i < times; i++) {
        await sleep(ms);
        seen.push(`${name} ${now()}`);
      }
    };
    await Promise.all([loop('a', 10, 4), loop('b', 25, 2)]);
    return seen;
  }
  const order = ['a 10', 'a 20', 'b 25', 'a 30', 'a 40', 'b 50'];
  const { signal } = new AbortController();

  test('a leaping clock wakes sleepers in the order of their times', async () => {
    const clock = leapingClock();
    expect(
      await rhythms(
        (ms) => clock.sleep(ms, signal),
        () => clock.now(),
      ),
    ).toEqual(order);
  });

  test('a manual clock does too, and one advance covers many sleeps', async () => {
    const clock = manualClock();
    const seen = rhythms(
      (ms) => clock.sleep(ms, signal),
      () => clock.now(),
    );
    await clock.advance(50);
    expect(await seen).toEqual(order);
  });

  test('a sleep that is aborted is gone', async () => {
    const clock = manualClock();
    const controller = new AbortController();
    const asleep = clock.sleep(10, controller.signal);
    controller.abort(new Error('enough'));
    await expect(asleep).rejects.toThrow('enough');
    await expect(clock.sleep(10, controller.signal)).rejects.toThrow('enough');
    await clock.advance(100);
    expect(clock.now()).toBe(100);
  });
});
