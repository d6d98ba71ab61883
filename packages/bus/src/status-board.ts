import type { BusStatus } from './bus.ts';

/** The status of a bus and those who follow it. */
export interface StatusBoard {
  readonly status: BusStatus;
  /** Tells the listeners when it differs from the last one. */
  set(status: BusStatus): void;
  onStatus(listener: (status: BusStatus) => void): Disposable;
}

export function createStatusBoard(initial: BusStatus): StatusBoard {
  let status = initial;
  const listeners = new Set<{ tell: (status: BusStatus) => void }>();
  return {
    get status() {
      return status;
    },
    set(next) {
      if (next === status) return;
      status = next;
      for (const { tell } of listeners) tell(next);
    },
    onStatus(listener) {
      // Its own object, so that a listener added twice is called twice and removed once.
      const entry = { tell: listener };
      listeners.add(entry);
      return { [Symbol.dispose]: () => void listeners.delete(entry) };
    },
  };
}
