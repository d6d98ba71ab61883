import type { Json } from '@tenma/protocol';
import type {
  ClaimOptions,
  InsertOutcome,
  Lane,
  Store,
  TaskChange,
  TaskControl,
  TaskRecord,
} from '@tenma/store';
import { createControlCache } from './control-cache.ts';
import type { Step } from './lifecycle/index.ts';

/** One change that has been written. */
export interface Changed {
  readonly before: TaskControl;
  readonly after: TaskControl;
  /** What the change wrote as output, if it did. */
  readonly output?: Json;
}

/** Decides from what a task is what it becomes; null for no change. Pure: it may be called more than once. */
export type Decide = (control: TaskControl) => Step | null;

/**
 * The one door through which tasks change: reads, lets a pure function decide, writes over the revision it read, and
 * decides anew where somebody else was faster. Tasks in flight are remembered, so that their usual life costs one
 * insert and one update and no read.
 */
export interface Ledger {
  insert(records: readonly TaskRecord[]): Promise<InsertOutcome[]>;
  claim(lane: Lane, options: ClaimOptions): Promise<TaskRecord[]>;
  /** Returns what was written; ids that do not exist are left out. */
  change(ids: readonly string[], decide: Decide): Promise<Changed[]>;
  onChange(listener: (changes: readonly Changed[]) => void): Disposable;
  /** Another replica changed these. */
  forget(ids: readonly string[]): void;
}

const rememberedMax = 20_000;
/** Lost races in a row after which something is wrong. */
const triesMax = 50;

export function createLedger(store: Store): Ledger {
  return new StoreLedger(store);
}

class StoreLedger implements Ledger {
  readonly #store: Store;
  readonly #remembered = createControlCache(rememberedMax);
  readonly #listeners = new Set<(changes: readonly Changed[]) => void>();

  constructor(store: Store) {
    this.#store = store;
  }

  async insert(records: readonly TaskRecord[]): Promise<InsertOutcome[]> {
    const outcomes = await this.#store.insert(records);
    for (const [index, record] of records.entries()) {
      if (outcomes[index]?.inserted) this.#remembered.set(record);
    }
    return outcomes;
  }

  async claim(lane: Lane, options: ClaimOptions): Promise<TaskRecord[]> {
    const records = await this.#store.claim(lane, options);
    for (const record of records) this.#remembered.set(record);
    return records;
  }

  async change(ids: readonly string[], decide: Decide): Promise<Changed[]> {
    const all: Changed[] = [];
    let left = ids;
    for (let tries = 1; left.length > 0; tries += 1) {
      if (tries > triesMax) throw new Error(`${left.length} tasks kept changing under a change`);
      const { written, lost } = await this.#attempt(left, decide);
      if (written.length > 0) for (const listener of this.#listeners) listener(written);
      all.push(...written);
      left = lost;
    }
    return all;
  }

  onChange(listener: (changes: readonly Changed[]) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  forget(ids: readonly string[]): void {
    for (const id of ids) this.#remembered.delete(id);
  }

  /** One try: what was written, and the ids of those that somebody else changed first. */
  async #attempt(ids: readonly string[], decide: Decide): Promise<{ written: Changed[]; lost: string[] }> {
    const changed: Changed[] = [];
    const changes: TaskChange[] = [];
    for (const before of await this.#read(ids, decide)) {
      const step = decide(before);
      if (!step) continue;
      const { life, ...written } = step;
      changed.push({ before, after: { spec: before.spec, life }, ...written });
      changes.push({ id: before.spec.id, ...step });
    }
    if (changes.length === 0) return { written: [], lost: [] };
    const lost = await this.#store.apply(changes);
    this.forget(lost);
    const lostIds = new Set(lost);
    const written = lost.length === 0 ? changed : changed.filter(({ after }) => !lostIds.has(after.spec.id));
    for (const { after } of written) this.#remembered.set(after);
    return { written, lost };
  }

  /** From memory where that leads to a change, which is compared and set; a decision for none needs a fresh look. */
  async #read(ids: readonly string[], decide: Decide): Promise<TaskControl[]> {
    const known: TaskControl[] = [];
    const unknown: string[] = [];
    for (const id of ids) {
      const control = this.#remembered.get(id);
      if (control && decide(control)) known.push(control);
      else unknown.push(id);
    }
    return unknown.length === 0 ? known : [...known, ...(await this.#store.controls(unknown))];
  }
}
