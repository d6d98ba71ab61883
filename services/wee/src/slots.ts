/** A counting gate in order of arrival: how many attempts run at once. */
export interface Slots {
  readonly size: number;
  readonly taken: number;
  acquire(): Promise<void>;
  release(): void;
}

export function createSlots(size: number): Slots {
  // Waiters stand in a map because it is a queue whose first entry is removed in constant time.
  const waiting = new Map<number, () => void>();
  let arrivals = 0;
  let taken = 0;
  return {
    size,
    get taken() {
      return taken;
    },
    acquire() {
      if (taken < size) {
        taken += 1;
        return Promise.resolve();
      }
      return new Promise((resolve) => waiting.set(++arrivals, resolve));
    },
    release() {
      const first = waiting.entries().next();
      if (first.done) taken -= 1;
      else {
        waiting.delete(first.value[0]);
        first.value[1]();
      }
    },
  };
}
