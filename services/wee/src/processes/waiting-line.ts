import type { Attempt } from './attempt.ts';

/** Attempts that wait for room in a process, in their order. */
export interface WaitingLine extends Iterable<Attempt> {
  readonly isEmpty: boolean;
  /** Slots that they take together. */
  readonly slots: number;
  add(attempt: Attempt): void;
  /** Before all others: they came earlier. */
  addFirst(attempts: readonly Attempt[]): void;
  /** It need not be there. */
  remove(attempt: Attempt): void;
  clear(): void;
}

export function createWaitingLine(): WaitingLine {
  let waiting = new Set<Attempt>();
  let slots = 0;
  return {
    get isEmpty() {
      return waiting.size === 0;
    },
    get slots() {
      return slots;
    },
    add(attempt) {
      waiting.add(attempt);
      slots += attempt.request.slots;
    },
    addFirst(attempts) {
      for (const { request } of attempts) slots += request.slots;
      waiting = new Set([...attempts, ...waiting]);
    },
    remove(attempt) {
      if (waiting.delete(attempt)) slots -= attempt.request.slots;
    },
    clear() {
      waiting.clear();
      slots = 0;
    },
    [Symbol.iterator]: () => waiting.values(),
  };
}
