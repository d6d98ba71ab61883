import { createTiming, type Timing } from './timing.ts';

/** How attempts of a version ended. Those that were cancelled, or whose input was refused, say nothing of it. */
export interface Tally {
  readonly runs: number;
  readonly failures: number;
  /** Of the attempts that succeeded, the recent ones weighing most; null until there is one. */
  readonly meanMs: number | null;
  /** Of all that succeeded, each weighing the same. */
  readonly timing: Timing;
  /** Tasks that it ran only to be compared. */
  readonly shadows: number;
  /** Of these, how many came out otherwise. */
  readonly differences: number;
}

export interface Counter extends Tally {
  succeeded(ms: number): void;
  failed(): void;
  shadowed(equal: boolean): void;
}

/** Weight of the newest of many; of few, each weighs the same. */
const newestWeight = 0.05;

export function createTally(): Counter {
  let [runs, failures, shadows, differences] = [0, 0, 0, 0];
  let meanMs: number | null = null;
  const timing = createTiming();
  return {
    timing,
    get runs() {
      return runs;
    },
    get failures() {
      return failures;
    },
    get meanMs() {
      return meanMs;
    },
    get shadows() {
      return shadows;
    },
    get differences() {
      return differences;
    },
    succeeded(ms) {
      runs += 1;
      const before: number = meanMs ?? ms;
      meanMs = before + (ms - before) * Math.max(newestWeight, 1 / (runs - failures));
      timing.add(ms);
    },
    failed() {
      runs += 1;
      failures += 1;
    },
    shadowed(equal) {
      shadows += 1;
      if (!equal) differences += 1;
    },
  };
}

/** By version: what all of them did that ever ran here. */
export interface Tallies {
  of(version: string): Counter;
  /** It is counted anew. */
  begin(version: string, counter: Counter): void;
}

export function createTallies(): Tallies {
  const tallies = new Map<string, Counter>();
  return {
    of(version) {
      const tally = tallies.get(version) ?? createTally();
      tallies.set(version, tally);
      return tally;
    },
    begin: (version, counter) => void tallies.set(version, counter),
  };
}
