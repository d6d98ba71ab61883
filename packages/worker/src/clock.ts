import { setTimeout as wait } from 'node:timers/promises';

/** The time as one attempt sees it. A worker that asks it, and not the system, is tested in no time. */
export interface Clock {
  /** Unix milliseconds. */
  now(this: void): number;
  /** Waits for so many milliseconds. Rejects with the reason of the attempt's signal as soon as that aborts. */
  sleep(this: void, ms: number): Promise<void>;
}

/** Where the clocks of attempts take their time from. */
export interface TimeSource {
  /** Unix milliseconds. */
  now(): number;
  /** Rejects with the reason of the signal as soon as it aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** What a timer holds, about 25 days: far longer than any attempt may take. */
const longestTimerMs = 2 ** 31 - 1;

export const systemTime: TimeSource = {
  now: () => Date.now(),
  async sleep(ms, signal) {
    try {
      await wait(Math.min(ms, longestTimerMs), undefined, { signal });
    } catch {
      signal.throwIfAborted();
    }
  },
};

export function clockOf(time: TimeSource, signal: AbortSignal): Clock {
  return { now: () => time.now(), sleep: (ms) => time.sleep(ms, signal) };
}
