import { type Clock, every } from '@tenma/runtime';
import type { Store } from '@tenma/store';

/** Unfinished tasks against their bound: counted in the store now and then, and reckoned in between. */
export interface OutboxGauge extends Disposable {
  readonly full: boolean;
  readonly unfinished: number;
  added(count: number): void;
  ended(count: number): void;
}

const countMs = 10_000;

export function createOutboxGauge(
  { store, clock }: { store: Store; clock: Clock },
  limit: number,
): OutboxGauge {
  let unfinished = 0;
  const count = async () => {
    try {
      unfinished = await store.countUnfinished(limit);
    } catch {
      // The store is away: what was reckoned stands.
    }
  };
  void count();
  const timer = every(clock, countMs, count);
  return {
    get full() {
      return unfinished >= limit;
    },
    get unfinished() {
      return unfinished;
    },
    added(count) {
      unfinished += count;
    },
    ended(count) {
      unfinished = Math.max(0, unfinished - count);
    },
    [Symbol.dispose]: () => timer[Symbol.dispose](),
  };
}
