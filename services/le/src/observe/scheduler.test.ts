import { problem, type SubmissionInput } from '@tenma/protocol';
import { type ManualClock, manualClock, silentLog, slotAfter, sleep, splayOf } from '@tenma/runtime';
import { StoreUnavailableError } from '@tenma/store';
import { slowness } from '@tenma/test-support';
import { describe, expect, test } from 'vitest';
import type { Submitted, SubmitOptions } from '../intake.ts';
import { fakeLease } from './fixtures/fake-lease.ts';
import { type Recurring, startScheduler } from './scheduler.ts';

const t0 = 1_000_000;

interface Call extends SubmitOptions {
  readonly keys: (string | undefined)[];
  readonly at: number;
}

/** Takes everything, `takesMs` after it was asked. */
function fakeIntake(clock: ManualClock) {
  const intake = {
    calls: [] as Call[],
    takesMs: 0,
    underWay: 0,
    mostUnderWay: 0,
    answer: (_item: unknown): Submitted => ({ control: {} as never, replayed: false }),
    async submit(items: readonly unknown[], options: SubmitOptions): Promise<Submitted[]> {
      const keys = items.map((item) => (item as SubmissionInput).idempotency_key);
      intake.calls.push({ ...options, keys, at: clock.now() });
      intake.underWay += 1;
      intake.mostUnderWay = Math.max(intake.mostUnderWay, intake.underWay);
      try {
        if (intake.takesMs > 0) await sleep(clock, intake.takesMs);
        return items.map(intake.answer);
      } finally {
        intake.underWay -= 1;
      }
    },
  };
  return intake;
}

function setUp({ held = true } = {}) {
  const clock = manualClock(t0);
  const intake = fakeIntake(clock);
  const lease = fakeLease(held);
  const logged: { fields: Record<string, unknown>; at: number }[] = [];
  const log = Object.assign(silentLog(), {
    warn: (fields: Record<string, unknown>) => void logged.push({ fields, at: clock.now() }),
  });
  const scheduler = startScheduler({ intake, lease, clock, log });
  const slots = () => intake.calls.flatMap(({ keys }) => keys);
  return { clock, intake, lease, logged, scheduler, slots };
}

function recurring(id: string, everyMs: number, changes: Partial<Recurring> = {}): Recurring {
  return {
    id,
    principal: 'observe',
    slotAfter: (after) => slotAfter(after, everyMs, 0),
    tasksFor: (slot) => [{ type: 'echo', idempotency_key: `${id}:${slot}` }],
    ...changes,
  };
}

describe('the scheduler', () => {
  test('submits the tasks of each slot when it starts', async () => {
    const { clock, intake, scheduler, slots } = setUp();
    await using _ = scheduler;
    scheduler.set(recurring('a', 10_000));
    await clock.advance(25_000);
    expect(slots()).toEqual(['a:1010000', 'a:1020000']);
    expect(intake.calls).toMatchObject([
      {
        principal: 'observe',
        traceparent: null,
        checkSizes: false,
        evenWhenFull: true,
        at: 1_010_000,
      },
      { at: 1_020_000 },
    ]);
    expect(scheduler.counts).toEqual({ submitted: 2, lost: 0 });
  });

  test('submits what starts together in one call for each principal', async () => {
    const { clock, intake, scheduler } = setUp();
    await using _ = scheduler;
    for (const id of ['a', 'b', 'c']) scheduler.set(recurring(id, 10_000));
    scheduler.set(recurring('d', 10_000, { principal: 'schedule' }));
    await clock.advance(10_000);
    expect(intake.calls.map(({ principal, keys }) => [principal, keys.length])).toEqual([
      ['observe', 3],
      ['schedule', 1],
    ]);
  });

  test('submits several tasks of one slot, at most 500 in a call', async () => {
    const { clock, intake, scheduler } = setUp();
    await using _ = scheduler;
    const many = Array.from({ length: 1_200 }, () => ({ type: 'echo' }));
    scheduler.set(recurring('a', 10_000, { tasksFor: () => many }));
    await clock.advance(10_000);
    expect(intake.calls.map(({ keys }) => keys.length)).toEqual([500, 500, 200]);
  });

  test('puts one with the same id in the place of the other, and leaves out what was removed', async () => {
    const { clock, scheduler, slots } = setUp();
    await using _ = scheduler;
    scheduler.set(recurring('a', 10_000));
    scheduler.set(recurring('b', 10_000));
    await clock.advance(10_000);
    scheduler.set(recurring('a', 4_000));
    scheduler.remove('b');
    await clock.advance(10_000);
    expect(slots()).toEqual(['a:1010000', 'b:1010000', 'a:1012000', 'a:1016000', 'a:1020000']);
  });

  test('loses no slot to a change that comes as it starts', async () => {
    const { clock, scheduler, slots } = setUp();
    await using _ = scheduler;
    scheduler.set(recurring('a', 10_000));
    // A tick has just been: the next one comes only after the slot has started.
    scheduler.once(1_009_990, 'observe', () => []);
    await clock.advance(10_005);
    expect(slots()).toEqual([]);
    scheduler.set(recurring('a', 10_000));
    await clock.advance(100);
    expect(slots()).toEqual(['a:1010000']);
  });

  test('goes on after a recurring that throws, and forgets one that has no more slots', async () => {
    const { clock, scheduler, slots } = setUp();
    await using _ = scheduler;
    const fault = (): never => {
      throw new Error('a fault');
    };
    scheduler.set(recurring('a', 10_000, { tasksFor: fault }));
    scheduler.set(recurring('b', 10_000, { slotAfter: fault }));
    scheduler.set(recurring('c', 10_000, { slotAfter: (after) => (after < t0 + 1 ? t0 + 500 : null) }));
    scheduler.set(recurring('d', 10_000));
    await clock.advance(20_000);
    expect(slots()).toEqual(['c:1000500', 'd:1010000', 'd:1020000']);
  });

  test('submits once what is asked for once', async () => {
    const { clock, intake, scheduler } = setUp();
    await using _ = scheduler;
    scheduler.set(recurring('a', 3_600_000));
    scheduler.once(t0 + 250, 'observe', () => [{ type: 'echo', idempotency_key: 'again' }]);
    await clock.advance(10_000);
    expect(intake.calls).toMatchObject([{ keys: ['again'], at: t0 + 250 }]);
  });
});

describe('the scheduler and its lease', () => {
  test('submits nothing without it, and begins with the slot after it was taken', async () => {
    const { clock, lease, scheduler, slots } = setUp({ held: false });
    await using _ = scheduler;
    scheduler.set(recurring('a', 10_000));
    scheduler.once(t0 + 1_000, 'observe', () => [{ type: 'echo', idempotency_key: 'never' }]);
    await clock.advance(35_000);
    expect(slots()).toEqual([]);
    lease.set(true);
    await clock.advance(10_000);
    expect(slots()).toEqual(['a:1040000']);
    lease.set(false);
    await clock.advance(20_000);
    expect(slots()).toEqual(['a:1040000']);
  });

  test('submits nothing once it has run out, though nobody has been told yet', async () => {
    const { clock, lease, scheduler, slots } = setUp();
    await using _ = scheduler;
    scheduler.set(recurring('a', 10_000));
    lease.runOut();
    await clock.advance(30_000);
    expect(slots()).toEqual([]);
  });
});

describe('the scheduler and the time of day', () => {
  test('leaves out the slots that were missed in a sleep', async () => {
    const clock = manualClock(t0);
    const intake = fakeIntake(clock);
    let asleepMs = 0;
    const shifted = { ...clock, now: () => clock.now() + asleepMs };
    await using scheduler = startScheduler({
      intake,
      lease: fakeLease(true),
      clock: shifted,
      log: silentLog(),
    });
    scheduler.set(recurring('a', 10_000));
    await clock.advance(5_000);
    asleepMs = 3_600_000;
    await clock.advance(10_000);
    expect(intake.calls.flatMap(({ keys }) => keys)).toEqual(['a:4610000']);
    expect(scheduler.counts).toEqual({ submitted: 1, lost: 1 });
  });

  test('goes on at once when it was set back', async () => {
    const clock = manualClock(t0);
    const intake = fakeIntake(clock);
    let setBackMs = 0;
    const shifted = { ...clock, now: () => clock.now() - setBackMs };
    await using scheduler = startScheduler({
      intake,
      lease: fakeLease(true),
      clock: shifted,
      log: silentLog(),
    });
    scheduler.set(recurring('a', 10_000));
    await clock.advance(5_000);
    setBackMs = 500_000;
    await clock.advance(11_000);
    expect(intake.calls.flatMap(({ keys }) => keys)).toEqual(['a:510000']);
  });
});

describe('the scheduler under trouble', () => {
  test.each([
    ['the outbox is full', () => ({ problem: problem('outbox_full') })],
    [
      'the store is away',
      (): never => {
        throw new StoreUnavailableError('away');
      },
    ],
  ])('loses a slot while %s, says so now and then, and goes on', async (_, answer) => {
    const { clock, intake, logged, scheduler } = setUp();
    await using _scheduler = scheduler;
    const well = intake.answer;
    intake.answer = answer;
    for (let index = 0; index < 10; index += 1) scheduler.set(recurring(`r${index}`, 1_000));
    await clock.advance(30_000);
    expect(scheduler.counts).toEqual({ submitted: 0, lost: 300 });
    expect(logged.length).toBeLessThanOrEqual(4);
    expect(logged.reduce((sum, { fields }) => sum + Number(fields['lost']), 0)).toBeGreaterThan(190);
    intake.answer = well;
    await clock.advance(1_000);
    expect(scheduler.counts).toEqual({ submitted: 10, lost: 300 });
  });

  test('has few calls under way at a time, and keeps at most one slot of each recurring waiting', async () => {
    const { clock, intake, scheduler } = setUp();
    await using _ = scheduler;
    intake.takesMs = 5_000;
    for (let index = 0; index < 4_000; index += 1) scheduler.set(recurring(`r${index}`, 1_000));
    await clock.advance(60_000);
    expect(intake.mostUnderWay).toBe(4);
    const sent = intake.calls.reduce((sum, { keys }) => sum + keys.length, 0);
    expect(sent).toBeLessThanOrEqual(4 * 500 * 12);
    intake.takesMs = 0;
    await clock.advance(5_000);
    expect(scheduler.lagMs().max).toBeLessThan(15_100);
  });

  test('keeps up with 667 slots a second when a call takes 5 ms', async () => {
    const { clock, intake, scheduler, slots } = setUp();
    await using _ = scheduler;
    intake.takesMs = 5;
    for (let index = 0; index < 20_000; index += 1) {
      const offset = splayOf(`r${index}`, 30_000);
      const id = `r${index}`;
      scheduler.set(recurring(id, 30_000, { slotAfter: (after) => slotAfter(after, 30_000, offset) }));
    }
    const cpuBefore = process.threadCpuUsage();
    await clock.advance(60_000);
    const { user, system } = process.threadCpuUsage(cpuBefore);
    // What starts in the last moment waits for the next tick.
    expect(scheduler.counts.submitted).toBeGreaterThan(39_900);
    expect(scheduler.counts.lost).toBe(0);
    expect(new Set(slots()).size).toBe(slots().length);
    const { p50, p99, max } = scheduler.lagMs();
    expect(p50).toBeLessThanOrEqual(60);
    expect(p99).toBeLessThanOrEqual(65);
    expect(max).toBeLessThanOrEqual(65);
    // A minute's work of the scheduler: measured at 0.1 s.
    expect((user + system) / 1_000).toBeLessThan(1_000 * slowness());
  });
});
