/**
 * A counting gate of slots: how much of a pool runs at once. The highest priority goes first, then who came first. Who
 * needs many slots is not passed by others of its priority, or it would wait for ever.
 */
export interface Seats {
  readonly taken: number;
  /** Resolves when `slots` of them are the caller's. More than there are counts as all. */
  acquire(slots: number, priority: number): Promise<Seat>;
}

export interface Seat {
  release(): void;
}

interface Waiting {
  readonly slots: number;
  readonly sit: () => void;
}

const priorities = 10;

/** @param size may change from call to call; what is taken stays taken */
export function createSeats(size: () => number): Seats {
  // Maps because they are queues whose first entry is removed in constant time.
  const lines = Array.from({ length: priorities }, () => new Map<number, Waiting>());
  let arrivals = 0;
  let taken = 0;

  function seat(slots: number): Seat {
    taken += slots;
    let left = false;
    return {
      release() {
        if (left) return;
        left = true;
        taken -= slots;
        admit();
      },
    };
  }

  function admit(): void {
    for (let priority = priorities - 1; priority >= 0; ) {
      const line = lines[priority];
      const first = line?.entries().next();
      if (!line || !first || first.done) {
        priority -= 1;
        continue;
      }
      const [arrival, { slots, sit }] = first.value;
      if (!fits(slots)) return;
      line.delete(arrival);
      sit();
    }
  }

  /** An empty pool takes whatever comes, also when it has shrunk meanwhile. */
  const fits = (slots: number) => taken === 0 || taken + slots <= size();

  return {
    get taken() {
      return taken;
    },
    acquire(slots, priority) {
      const wanted = Math.min(slots, size());
      return new Promise((resolve) => {
        const line = lines[Math.min(priorities - 1, Math.max(0, priority))];
        line?.set(++arrivals, { slots: wanted, sit: () => resolve(seat(wanted)) });
        admit();
      });
    },
  };
}
