/** Remembers the highest epoch of the active region that any LE has told of. Whoever speaks under a lower one is out of date. */
export interface EpochGuard {
  isStale(epoch: number): boolean;
}

export function createEpochGuard(): EpochGuard {
  let highest = 0;
  return {
    isStale(epoch) {
      highest = Math.max(highest, epoch);
      return epoch < highest;
    },
  };
}
