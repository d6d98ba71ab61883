import { setImmediate as turn } from 'node:timers/promises';
import type { TimeSource } from '../clock.ts';

/** A clock that stands still until a test moves it. */
export interface ManualClock extends TimeSource {
  /**
   * Moves the clock by so many milliseconds. Whoever sleeps wakes in order, at the time it asked for, and may go to
   * sleep again on the way: ten sleeps of a second end in one `advance(10_000)`.
   */
  advance(ms: number): Promise<void>;
}

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** Those who sleep on a clock, and its time. */
class Dormitory {
  #now: number;
  readonly #sleepers = new Set<Sleeper>();

  constructor(startAt: number) {
    this.#now = startAt;
  }

  get now(): number {
    return this.#now;
  }

  get isEmpty(): boolean {
    return this.#sleepers.size === 0;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const onAbort = () => {
        this.#sleepers.delete(sleeper);
        reject(signal.reason as Error);
      };
      const wake = () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      const sleeper = { at: this.#now + Math.max(0, ms), wake };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#sleepers.add(sleeper);
    });
  }

  /** Moves on to the next who wakes until then, and wakes it; false when nobody does. */
  wakeNext(until: number): boolean {
    let next: Sleeper | undefined;
    for (const each of this.#sleepers) if (next === undefined || each.at < next.at) next = each;
    if (next === undefined || next.at > until) return false;
    this.#sleepers.delete(next);
    this.#now = Math.max(this.#now, next.at);
    next.wake();
    return true;
  }

  moveTo(time: number): void {
    this.#now = Math.max(this.#now, time);
  }
}

/** @param startAt Unix milliseconds */
export function manualClock(startAt = 0): ManualClock {
  const dormitory = new Dormitory(startAt);
  return {
    now: () => dormitory.now,
    sleep: (ms, signal) => dormitory.sleep(ms, signal),
    async advance(ms) {
      const until = dormitory.now + ms;
      // A turn before each: who was woken gets to its next sleep first.
      do await turn();
      while (dormitory.wakeNext(until));
      dormitory.moveTo(until);
    },
  };
}

/**
 * A clock on which nobody waits: as soon as somebody sleeps it leaps to the time when the first one wakes.
 * @param startAt Unix milliseconds
 */
export function leapingClock(startAt = 0): TimeSource {
  const dormitory = new Dormitory(startAt);
  let leaping = false;

  async function leap(): Promise<void> {
    leaping = true;
    while (!dormitory.isEmpty) {
      await turn();
      dormitory.wakeNext(Number.POSITIVE_INFINITY);
      // Who was woken gets to its next sleep before it is looked whether anybody sleeps.
      await turn();
    }
    leaping = false;
  }

  return {
    now: () => dormitory.now,
    sleep(ms, signal) {
      const asleep = dormitory.sleep(ms, signal);
      if (!leaping) void leap();
      return asleep;
    },
  };
}
