/** Collects items while earlier ones are on their way, so that the batch grows with the load and idles at one. */
export interface Batcher<Item, Result> {
  /** Settles when the batch that holds the item has been flushed. */
  add(item: Item): Promise<Result>;
  /** Items waiting for a flush. */
  readonly waiting: number;
  /** Resolves when nothing waits and nothing is in flight. */
  idle(): Promise<void>;
}

export interface BatcherOptions<Item, Result> {
  /** Gets items in the order they were added; answers with as many results, or throws for all of them. */
  flush: (items: Item[]) => Promise<readonly Result[]>;
  maxItems: number;
  /** A batch is cut before its sizes add up to more than this. Default: no bound. */
  maxSize?: number;
  sizeOf?: (item: Item) => number;
  /** Flushes under way at once. Default 1. */
  concurrency?: number;
}

interface Entry<Item, Result> {
  item: Item;
  size: number;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

export function createBatcher<Item, Result>(options: BatcherOptions<Item, Result>): Batcher<Item, Result> {
  const { flush, maxItems, maxSize = Infinity, sizeOf = () => 0, concurrency = 1 } = options;
  let queue: Entry<Item, Result>[] = [];
  let inFlight = 0;
  let scheduled = false;
  let idleWaiters: (() => void)[] = [];

  function take(): Entry<Item, Result>[] {
    let count = 0;
    let size = 0;
    for (const entry of queue) {
      size += entry.size;
      if (count === maxItems || (count > 0 && size > maxSize)) break;
      count += 1;
    }
    const batch = queue.slice(0, count);
    queue = queue.slice(count);
    return batch;
  }

  async function send(batch: Entry<Item, Result>[]): Promise<void> {
    try {
      const results = await flush(batch.map((entry) => entry.item));
      for (const [index, entry] of batch.entries()) entry.resolve(results[index] as Result);
    } catch (error) {
      for (const entry of batch) entry.reject(error);
    }
  }

  function pump(): void {
    scheduled = false;
    while (inFlight < concurrency && queue.length > 0) {
      inFlight += 1;
      void send(take()).finally(() => {
        inFlight -= 1;
        schedule();
      });
    }
    if (inFlight === 0 && queue.length === 0) {
      for (const resolve of idleWaiters) resolve();
      idleWaiters = [];
    }
  }

  /** Waits for the end of the current turn of the event loop, so that what arrives together leaves together. */
  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(pump);
  }

  return {
    add(item) {
      return new Promise((resolve, reject) => {
        queue.push({ item, size: sizeOf(item), resolve, reject });
        schedule();
      });
    },
    get waiting() {
      return queue.length;
    },
    idle() {
      if (inFlight === 0 && queue.length === 0) return Promise.resolve();
      return new Promise((resolve) => idleWaiters.push(resolve));
    },
  };
}
