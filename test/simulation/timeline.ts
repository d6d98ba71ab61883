/** Simulated time: what is to happen, in order, as fast as it can be worked off. */
export interface Timeline {
  readonly now: number;
  /** At the moment, or now if it has passed. What is due at one moment happens in the order it was put down. */
  at(at: number, act: () => void): void;
  after(delayMs: number, act: () => void): void;
  runUntil(end: number): void;
}

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly act: () => void;
}

export function createTimeline(start: number): Timeline {
  const heap: Entry[] = [];
  let now = start;
  let order = 0;
  const before = (a: Entry, b: Entry) => a.at < b.at || (a.at === b.at && a.order < b.order);

  function put(entry: Entry): void {
    let hole = heap.push(entry) - 1;
    while (hole > 0) {
      const above = (hole - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || !before(entry, parent)) break;
      heap[hole] = parent;
      hole = above;
    }
    heap[hole] = entry;
  }

  function take(): Entry | undefined {
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let hole = 0;
    for (;;) {
      let below = 2 * hole + 1;
      let child = heap[below];
      if (child === undefined) break;
      const right = heap[below + 1];
      if (right !== undefined && before(right, child)) {
        child = right;
        below += 1;
      }
      if (!before(child, last)) break;
      heap[hole] = child;
      hole = below;
    }
    heap[hole] = last;
    return first;
  }

  const at = (when: number, act: () => void) => {
    if (Number.isFinite(when)) put({ at: Math.max(now, when), order: order++, act });
  };
  return {
    get now() {
      return now;
    },
    at,
    after: (delayMs, act) => at(now + delayMs, act),
    runUntil(end) {
      for (let next = heap[0]; next !== undefined && next.at <= end; next = heap[0]) {
        take();
        now = next.at;
        next.act();
      }
      now = end;
    },
  };
}
