/** Remembers the highest epoch of the active region that any LE has told of. Whoever speaks under a lower one is out of date. */
export interface EpochGuard {
  /** Zero until somebody has spoken. */
  readonly highest: number;
  isStale(epoch: number): boolean;
}

export function createEpochGuard(): EpochGuard {
  let highest = 0;
  return {
    get highest() {
      return highest;
    },
    isStale(epoch) {
      highest = Math.max(highest, epoch);
      return epoch < highest;
    },
  };
}
