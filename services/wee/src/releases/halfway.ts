import { type Halfway, trialMs } from './canary.ts';
import type { Side } from './side.ts';

/** Knows what had started when about half of the present time of a trial had passed. */
export interface HalfwayMark {
  /** To be asked as time passes; null at first. */
  at(nowMs: number): Halfway | null;
}

interface Mark {
  readonly atMs: number;
  readonly candidate: number;
  readonly stable: number;
}

/** So that one is at half of the time after which it may be promoted. */
const firstMs = trialMs / 8;

/** A mark is set whenever the time has doubled, and counts when it has doubled again: that takes no list of starts. */
export function createHalfwayMark(beganAt: number, candidate: Side, stable: Side): HalfwayMark {
  let counting: Mark | null = null;
  let next: Mark | null = null;
  let dueMs = firstMs;
  return {
    at(nowMs) {
      const since = nowMs - beganAt;
      if (since >= dueMs) {
        counting = next;
        next = { atMs: nowMs, candidate: candidate.started, stable: stable.started };
      }
      while (dueMs <= since) dueMs *= 2;
      if (counting === null) return null;
      const olderMs = nowMs - counting.atMs;
      return {
        candidate: { started: counting.candidate, open: candidate.openBeyond(olderMs, nowMs) },
        stable: { started: counting.stable, open: stable.openBeyond(olderMs, nowMs) },
      };
    },
  };
}
