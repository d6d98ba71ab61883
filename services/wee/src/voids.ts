import type { Assignment, VoidMessage } from '@tenma/protocol';

/** Which assignments were made void by a move of the active region. */
export interface Voids {
  /** The highest epoch heard of; zero until then. */
  readonly epoch: number;
  add(message: VoidMessage): void;
  cover(assignment: Assignment): boolean;
}

/** Tasks for one region stay: they wait for that region, whatever becomes of `active`. */
export function createVoids(): Voids {
  let epoch = 0;
  /** Of each region that was left, the epoch that came after. */
  const left = new Map<string, number>();
  return {
    get epoch() {
      return epoch;
    },
    add(message) {
      epoch = Math.max(epoch, message.epoch);
      left.set(message.region, Math.max(message.epoch, left.get(message.region) ?? 0));
    },
    cover(assignment) {
      if (assignment.region === 'active') return assignment.epoch < epoch;
      if (assignment.region !== 'any') return false;
      return assignment.epoch < (left.get(assignment.placement.region) ?? 0);
    },
  };
}
