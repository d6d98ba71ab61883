import { createListeners } from './listeners.ts';
import type { StoreStatus } from './store.ts';

/** A store's status and those who listen to it; `closed` is final. */
export interface ReportedStatus {
  readonly current: StoreStatus;
  become(next: StoreStatus): void;
  onStatus(listener: (status: StoreStatus) => void): Disposable;
}

export function reportStatus(first: StoreStatus): ReportedStatus {
  const listeners = createListeners<[StoreStatus]>();
  let current = first;
  return {
    get current() {
      return current;
    },
    become(next) {
      if (current === next || current === 'closed') return;
      current = next;
      listeners.call(next);
    },
    onStatus: (listener) => listeners.add(listener),
  };
}
