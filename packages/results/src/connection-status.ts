import type { ResultsStatus } from './results.ts';

/** A status and those who want to hear of its changes. `closed` is final. */
export interface ConnectionStatus {
  readonly current: ResultsStatus;
  set(status: ResultsStatus): void;
  onChange(listener: (status: ResultsStatus) => void): Disposable;
}

export function createConnectionStatus(initial: ResultsStatus): ConnectionStatus {
  let current = initial;
  const listeners = new Set<{ call: (status: ResultsStatus) => void }>();
  return {
    get current() {
      return current;
    },
    set(status) {
      if (status === current || current === 'closed') return;
      current = status;
      for (const listener of listeners) listener.call(status);
    },
    onChange(call) {
      const listener = { call };
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
  };
}
