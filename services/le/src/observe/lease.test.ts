import { type Clock, type ManualClock, manualClock, silentLog, sleep } from '@tenma/runtime';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keepLease, type Lease } from './lease.ts';

const t0 = 1_000_000;
const log = silentLog();

interface FakeStore {
  value: string | null;
  writes: number;
  /** `away`: nothing reaches it; `mute`: it does what it is asked, and its answers are lost. */
  state: 'well' | 'away' | 'mute';
  latencyMs: number;
  read(name: string): Promise<string | null>;
  compareAndSet(name: string, expected: string | null, value: string): Promise<boolean>;
}

function fakeStore(clock: Clock): FakeStore {
  async function reached<T>(work: () => T): Promise<T> {
    await sleepIfAny(clock, store.latencyMs);
    if (store.state === 'away') throw new Error('away');
    const answer = work();
    await sleepIfAny(clock, store.latencyMs);
    if (store.state === 'mute') throw new Error('the answer is lost');
    return answer;
  }
  const store: FakeStore = {
    value: null,
    writes: 0,
    state: 'well',
    latencyMs: 0,
    read: () => reached(() => store.value),
    compareAndSet: (_name, expected, value) =>
      reached(() => {
        if (store.value !== expected) return false;
        store.value = value;
        store.writes += 1;
        return true;
      }),
  };
  return store;
}

async function sleepIfAny(clock: Clock, ms: number): Promise<void> {
  if (ms > 0) await sleep(clock, ms);
}

/** A process that can be stopped: while it is, none of its timers and answers come. */
function fakeProcess(clock: Clock, store: FakeStore, holder: string) {
  let resumed = Promise.withResolvers<void>();
  resumed.resolve();
  let paused = false;
  const own: Clock = {
    ...clock,
    after: (delayMs, action) => clock.after(delayMs, () => void resumed.promise.then(action)),
  };
  const through = <T>(call: Promise<T>): Promise<T> =>
    call.then(
      (answer) => resumed.promise.then(() => answer),
      (error: unknown) => resumed.promise.then(() => Promise.reject(error as Error)),
    );
  const components = {
    clock: own,
    log,
    store: {
      read: (name: string) => through(store.read(name)),
      compareAndSet: (name: string, expected: string | null, value: string) =>
        through(store.compareAndSet(name, expected, value)),
    },
  };
  return {
    lease: keepLease(components, 'regions', holder),
    get paused() {
      return paused;
    },
    pause() {
      if (paused) return;
      paused = true;
      resumed = Promise.withResolvers();
    },
    resume() {
      paused = false;
      resumed.resolve();
    },
  };
}

const turn = (clock: ManualClock) => clock.advance(0);

function setUp() {
  const clock = manualClock(t0);
  const store = fakeStore(clock);
  return { clock, store, keep: (holder: string) => keepLease({ store, clock, log }, 'regions', holder) };
}

async function until(clock: ManualClock, lease: Lease, held: boolean, withinMs: number): Promise<number> {
  const since = clock.now();
  while (lease.held !== held && clock.now() - since <= withinMs) await clock.advance(50);
  expect(lease.held).toBe(held);
  return clock.now() - since;
}

describe('a lease', () => {
  test('is held at once by the only one there is', async () => {
    const { clock, keep } = setUp();
    await using lease = keep('a');
    const told: boolean[] = [];
    lease.onChange((held) => told.push(held));
    await turn(clock);
    expect(lease.held).toBe(true);
    await clock.advance(60_000);
    expect(lease.held).toBe(true);
    expect(told).toEqual([true]);
  });

  test('stays with its holder while others wait for it', async () => {
    const { clock, keep } = setUp();
    await using a = keep('a');
    await turn(clock);
    await using b = keep('b');
    await clock.advance(120_000);
    expect([a.held, b.held]).toEqual([true, false]);
  });

  test('is given up when it is disposed, and told of before another one can take it', async () => {
    const { clock, keep } = setUp();
    const a = keep('a');
    await turn(clock);
    await using b = keep('b');
    await clock.advance(5_000);
    const told: [boolean, boolean][] = [];
    a.onChange((held) => told.push([held, b.held]));
    await a[Symbol.asyncDispose]();
    expect(told).toEqual([[false, false]]);
    expect(await until(clock, b, true, 2_000)).toBeLessThanOrEqual(2_000);
    expect(a.held).toBe(false);
  });

  test('is taken over ten seconds and a beat after the holder was last heard', async () => {
    const { clock, store } = setUp();
    const a = fakeProcess(clock, store, 'a');
    await turn(clock);
    const b = fakeProcess(clock, store, 'b');
    await clock.advance(4_100);
    expect(a.lease.held).toBe(true);
    a.pause();
    const afterMs = await until(clock, b.lease, true, 13_000);
    expect(afterMs).toBeGreaterThan(8_000);
    expect(afterMs).toBeLessThanOrEqual(12_000);
    expect(a.lease.held).toBe(false);
    a.resume();
    await clock.advance(30_000);
    expect([a.lease.held, b.lease.held]).toEqual([false, true]);
  });

  test('is not held any more six seconds after the last renewal, which its holder is told', async () => {
    const { clock, store, keep } = setUp();
    await using a = keep('a');
    await turn(clock);
    const told: [held: boolean, at: number][] = [];
    a.onChange((held) => told.push([held, clock.now() - t0]));
    store.state = 'away';
    await clock.advance(10_000);
    expect(told).toEqual([[false, 6_000]]);
    store.state = 'well';
    await until(clock, a, true, 1_000);
  });

  test('is not held after a pause, though nobody could be told yet', async () => {
    const { clock, store } = setUp();
    const a = fakeProcess(clock, store, 'a');
    await turn(clock);
    a.pause();
    await clock.advance(6_000);
    expect(a.lease.held).toBe(false);
  });

  test('outlives a renewal whose answer was lost', async () => {
    const { clock, store, keep } = setUp();
    await using a = keep('a');
    await using b = keep('b');
    await turn(clock);
    await clock.advance(1_000);
    const told: boolean[] = [];
    a.onChange((held) => told.push(held));
    store.state = 'mute';
    await clock.advance(1_500);
    const before = store.value;
    store.state = 'well';
    await clock.advance(30_000);
    expect(store.value).not.toBe(before);
    expect([a.held, b.held, told]).toEqual([true, false, []]);
  });

  test('that was taken with a lost answer is held once that is known', async () => {
    const { clock, store, keep } = setUp();
    store.state = 'mute';
    await using a = keep('a');
    await clock.advance(600);
    expect(a.held).toBe(false);
    store.state = 'well';
    await until(clock, a, true, 1_000);
  });

  test('does not pass to a new life of its holder before the old one would have stopped', async () => {
    const { clock, store, keep } = setUp();
    const old = fakeProcess(clock, store, 'a');
    await clock.advance(100);
    expect(old.lease.held).toBe(true);
    old.pause();
    await using young = keep('a');
    await clock.advance(5_900);
    expect(young.held).toBe(false);
    await until(clock, young, true, 7_000);
    expect(old.lease.held).toBe(false);
  });

  test('is lost when somebody else stands in the store', async () => {
    const { clock, store, keep } = setUp();
    await using a = keep('a');
    await turn(clock);
    store.value = JSON.stringify({ holder: 'z', since: 1, beat: 9_000 });
    await clock.advance(2_000);
    expect(a.held).toBe(false);
  });

  test('is taken over from something that nobody can read', async () => {
    const { clock, store, keep } = setUp();
    store.value = 'what is this';
    await using a = keep('a');
    await turn(clock);
    await clock.advance(9_900);
    expect(a.held).toBe(false);
    await until(clock, a, true, 200);
  });
});

test('whatever pauses, outages and delays there are, at most one runs under the lease, and afterwards one does', async () => {
  const step = fc.record({
    ms: fc.integer({ min: 50, max: 13_000 }),
    which: fc.nat(2),
    what: fc.constantFrom(
      'nap',
      'nap',
      'pause',
      'resume',
      'resume',
      'away',
      'mute',
      'well',
      'well',
      'slow',
      'quick',
    ),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const clock = manualClock(t0);
      const store = fakeStore(clock);
      const processes = ['a', 'b', 'c'].map((holder) => fakeProcess(clock, store, holder));
      const running = () => processes.filter(({ lease, paused }) => lease.held && !paused).length;
      for (const { ms, which, what } of steps) {
        if (what === 'pause' || what === 'nap') processes[which]!.pause();
        else if (what === 'resume') processes[which]!.resume();
        else if (what === 'slow') store.latencyMs = 900;
        else if (what === 'quick') store.latencyMs = 0;
        else store.state = what;
        expect(running()).toBeLessThanOrEqual(1);
        for (let left = ms; left > 0; left -= 50) {
          await clock.advance(Math.min(50, left));
          expect(running()).toBeLessThanOrEqual(1);
        }
        if (what === 'nap') processes[which]!.resume();
        expect(running()).toBeLessThanOrEqual(1);
      }
      store.state = 'well';
      store.latencyMs = 0;
      for (const process of processes) process.resume();
      for (let left = 15_000; left > 0; left -= 100) {
        await clock.advance(100);
        expect(running()).toBeLessThanOrEqual(1);
      }
      expect(running()).toBe(1);
    }),
    { numRuns: 30 },
  );
});
