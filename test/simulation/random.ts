/** Random numbers from a seed: the same run again, whenever one is asked for. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  between(from: number, to: number): number;
  /** Short ones as likely as long ones: uniform in the logarithm. */
  logBetween(from: number, to: number): number;
  /** Until the next event of a process that has `perHour` of them on average; ms. */
  waitMs(perHour: number): number;
  chance(share: number): boolean;
  pick<T>(of: readonly T[]): T | undefined;
}

export function seededRandom(seed: number): Random {
  let state = seed | 0;
  // Mulberry32.
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (from: number, to: number) => from + next() * (to - from);
  return {
    next,
    between,
    logBetween: (from, to) => Math.exp(between(Math.log(from), Math.log(to))),
    waitMs: (perHour) =>
      perHour > 0 ? (-Math.log(1 - next()) / perHour) * 3_600_000 : Number.POSITIVE_INFINITY,
    chance: (share) => next() < share,
    pick: (of) => of[Math.floor(next() * of.length)],
  };
}
