/** What waits for its moment. The heap keeps `place`: -1 while the item is not in it. */
export interface HeapItem {
  at: number;
  place: number;
}

/** Items by the moment they are due. Every change costs the logarithm of their number. */
export interface DueHeap<Item extends HeapItem> {
  readonly size: number;
  readonly first: Item | undefined;
  /** `item.at` must not change while it is in the heap. */
  add(item: Item): void;
  /** Nothing happens if it is not in the heap. */
  remove(item: Item): void;
  clear(): void;
}

export function createDueHeap<Item extends HeapItem>(): DueHeap<Item> {
  return new BinaryHeap<Item>();
}

class BinaryHeap<Item extends HeapItem> implements DueHeap<Item> {
  readonly #items: Item[] = [];

  get size(): number {
    return this.#items.length;
  }

  get first(): Item | undefined {
    return this.#items[0];
  }

  add(item: Item): void {
    this.#items.push(item);
    this.#rise(item, this.#items.length - 1);
  }

  remove(item: Item): void {
    const { place } = item;
    if (place < 0) return;
    item.place = -1;
    const last = this.#items.pop();
    if (!last || last === item) return;
    this.#rise(last, place);
    this.#sink(last, last.place);
  }

  clear(): void {
    for (const item of this.#items) item.place = -1;
    this.#items.length = 0;
  }

  #rise(item: Item, from: number): void {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#items[above];
      if (!parent || parent.at <= item.at) break;
      this.#put(parent, place);
      place = above;
    }
    this.#put(item, place);
  }

  #sink(item: Item, from: number): void {
    let place = from;
    for (;;) {
      const left = 2 * place + 1;
      const [one, other] = [this.#items[left], this.#items[left + 1]];
      const least = one && other && other.at < one.at ? other : one;
      if (!least || least.at >= item.at) break;
      const below = least.place;
      this.#put(least, place);
      place = below;
    }
    this.#put(item, place);
  }

  #put(item: Item, place: number): void {
    this.#items[place] = item;
    item.place = place;
  }
}
