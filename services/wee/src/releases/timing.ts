/**
 * How long attempts take, by the mean of a logarithm: it says what is usual where one in a hundred takes a hundred
 * times as long, as the plain mean does not. What lies below `graceMs` hardly counts.
 */
export interface Timing {
  readonly count: number;
  readonly mean: number;
  /** Of one attempt. */
  readonly variance: number;
}

export interface Stopwatch extends Timing {
  add(ms: number): void;
}

const graceMs = 50;

export function createTiming(): Stopwatch {
  let [count, mean, squares] = [0, 0, 0];
  return {
    get count() {
      return count;
    },
    get mean() {
      return mean;
    },
    get variance() {
      return count < 2 ? 0 : squares / (count - 1);
    },
    add(ms) {
      const log = Math.log(ms + graceMs);
      const before = mean;
      count += 1;
      mean += (log - before) / count;
      squares += (log - before) * (log - mean);
    },
  };
}

/** What an attempt usually takes: half take longer. */
export function usualMs({ mean }: Timing): number {
  return Math.max(0, Math.exp(mean) - graceMs);
}

/** By what factor one takes longer than the other, as a logarithm; and its standard error. */
export function slowdown(one: Timing, other: Timing): { readonly by: number; readonly error: number } {
  const error = Math.sqrt(one.variance / one.count + other.variance / other.count);
  return { by: one.mean - other.mean, error };
}
