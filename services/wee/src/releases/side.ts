import { createTiming, type Timing } from './timing.ts';

/** How an attempt that was watched has ended. `refused`: its input; `other`: it says nothing of the version. */
export type Ending = 'succeeded' | 'failed' | 'refused' | 'other';

/** What one of the two versions made of the attempts that the lot gave to it. */
export interface Sample {
  readonly runs: number;
  readonly failures: number;
  readonly timing: Timing;
}

/** One side of a trial: a version with the attempts it was drawn for, those that still run among them. */
export interface Side extends Sample {
  /** Inputs that it did not take. They are no runs. */
  readonly refused: number;
  /** Of these, those since the last run. */
  readonly refusedInARow: number;
  /** Ended or not, however. */
  readonly started: number;
  /** Of these, the warm ones. */
  readonly startedWarm: number;
  /** An attempt has come back: what starts from now on does not wait for what the first ones set up. */
  readonly warm: boolean;
  /** The longest that one has taken, or runs by now. */
  slowestMs(nowMs: number): number;
  /** How many run longer than that by now. */
  openBeyond(ms: number, nowMs: number, warmOnly?: boolean): number;
  /** To be called with its end. Its time counts only where it was warm. */
  start(nowMs: number, warm: boolean): (ending: Ending, ms: number) => void;
}

export function createSide(): Side {
  const timing = createTiming();
  /** When they started, in that order. */
  const open = new Set<{ readonly at: number; readonly warm: boolean }>();
  let [runs, failures, started, startedWarm, slowest] = [0, 0, 0, 0, 0];
  let [refused, refusedInARow] = [0, 0];
  return {
    timing,
    get runs() {
      return runs;
    },
    get failures() {
      return failures;
    },
    get refused() {
      return refused;
    },
    get refusedInARow() {
      return refusedInARow;
    },
    get started() {
      return started;
    },
    get startedWarm() {
      return startedWarm;
    },
    get warm() {
      return runs > failures;
    },
    slowestMs(nowMs) {
      for (const { at } of open) return Math.max(slowest, nowMs - at);
      return slowest;
    },
    openBeyond(ms, nowMs, warmOnly = false) {
      let count = 0;
      for (const { at, warm } of open) {
        if (nowMs - at <= ms) break;
        if (warm || !warmOnly) count += 1;
      }
      return count;
    },
    start(nowMs, warm) {
      const attempt = { at: nowMs, warm };
      open.add(attempt);
      started += 1;
      if (warm) startedWarm += 1;
      return (ending, ms) => {
        open.delete(attempt);
        slowest = Math.max(slowest, ms);
        if (ending === 'other') return;
        if (ending === 'refused') {
          refused += 1;
          refusedInARow += 1;
          return;
        }
        runs += 1;
        refusedInARow = 0;
        if (ending === 'failed') failures += 1;
        else if (warm) timing.add(ms);
      };
    },
  };
}
