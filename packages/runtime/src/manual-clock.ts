import type { Clock } from './clock.ts';

export interface ManualClock extends Clock {
  /** Moves time on, running every action that becomes due, in order, and letting promises settle in between. */
  advance(ms: number): Promise<void>;
}

/** A clock that a test moves by hand. */
export function manualClock(startMs = 0): ManualClock {
  let nowMs = startMs;
  let sequence = 0;
  const timers = new Map<number, { at: number; action: () => void }>();

  function nextDue(untilMs: number): [id: number, timer: { at: number; action: () => void }] | undefined {
    let best: [number, { at: number; action: () => void }] | undefined;
    for (const entry of timers)
      if (entry[1].at <= untilMs && (!best || entry[1].at < best[1].at)) best = entry;
    return best;
  }

  return {
    now: () => nowMs,
    monotonic: () => nowMs,
    after(delayMs, action) {
      const id = ++sequence;
      timers.set(id, { at: nowMs + delayMs, action });
      return { [Symbol.dispose]: () => void timers.delete(id) };
    },
    async advance(ms) {
      const untilMs = nowMs + ms;
      for (let due = nextDue(untilMs); due; due = nextDue(untilMs)) {
        timers.delete(due[0]);
        nowMs = Math.max(nowMs, due[1].at);
        due[1].action();
        await new Promise(setImmediate);
      }
      nowMs = untilMs;
      await new Promise(setImmediate);
    },
  };
}
