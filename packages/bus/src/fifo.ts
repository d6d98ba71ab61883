/** A queue in memory whose every operation is O(1) amortised; `Array.shift` is O(n) once arrays are large. */
export interface Fifo<T> {
  readonly length: number;
  push(item: T): void;
  /** The oldest item, left in place. */
  peek(): T | undefined;
  shift(): T | undefined;
  /** Removes everything, oldest first. */
  drain(): T[];
}

/** Taken slots are given back in chunks: rarely enough to be cheap, often enough to hold no memory. */
const compactAfter = 1_024;

export function createFifo<T>(): Fifo<T> {
  let items: (T | undefined)[] = [];
  let head = 0;
  return {
    get length() {
      return items.length - head;
    },
    push(item) {
      items.push(item);
    },
    peek: () => items[head],
    shift() {
      if (head === items.length) return undefined;
      const item = items[head];
      items[head] = undefined;
      head += 1;
      if (head === items.length) {
        items = [];
        head = 0;
      } else if (head >= compactAfter && head * 2 >= items.length) {
        items = items.slice(head);
        head = 0;
      }
      return item;
    },
    drain() {
      const rest = items.slice(head) as T[];
      items = [];
      head = 0;
      return rest;
    },
  };
}
