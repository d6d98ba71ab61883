import type { InsertOutcome, Lane, Store, TaskChange, TaskControl, TaskRecord } from '@tenma/store';
import type { Step } from './lifecycle/index.ts';

/** One change that has been written. */
export interface Changed {
  readonly before: TaskControl;
  readonly after: TaskControl;
}

/**
 * The one door through which tasks change: reads, lets a pure function decide, writes over the revision it read, and
 * decides anew where somebody else was faster. Tasks in flight are remembered, so that their usual life costs one
 * insert and one update and no read.
 */
export interface Ledger {
  insert(records: readonly TaskRecord[]): Promise<InsertOutcome[]>;
  claim(lane: Lane, options: { now: number; leaseUntil: number; limit: number }): Promise<TaskRecord[]>;
  /** `decide` answers null for no change. Returns what was written; ids that do not exist are left out. */
  change(ids: readonly string[], decide: (control: TaskControl) => Step | null): Promise<Changed[]>;
  onChange(listener: (changes: readonly Changed[]) => void): Disposable;
  /** Another replica changed these. */
  forget(ids: readonly string[]): void;
}

const rememberedMax = 20_000;
/** Lost races in a row after which something is wrong. */
const triesMax = 50;

export function createLedger(store: Store): Ledger {
  const remembered = new Map<string, TaskControl>();
  const listeners = new Set<(changes: readonly Changed[]) => void>();

  function remember(control: TaskControl): void {
    const { id } = control.spec;
    remembered.delete(id);
    if (control.life.finishedAt !== null) return;
    remembered.set(id, { spec: control.spec, life: control.life });
    const oldest = remembered.keys().next();
    if (remembered.size > rememberedMax && !oldest.done) remembered.delete(oldest.value);
  }

  async function read(ids: readonly string[]): Promise<TaskControl[]> {
    const known: TaskControl[] = [];
    const unknown: string[] = [];
    for (const id of ids) {
      const control = remembered.get(id);
      if (control) known.push(control);
      else unknown.push(id);
    }
    return unknown.length === 0 ? known : [...known, ...(await store.controls(unknown))];
  }

  /** One try: what was written, and the ids of those that somebody else changed first. */
  async function attempt(
    ids: readonly string[],
    decide: (control: TaskControl) => Step | null,
  ): Promise<{ written: Changed[]; lost: string[] }> {
    const changed: Changed[] = [];
    const changes: TaskChange[] = [];
    for (const before of await read(ids)) {
      const step = decide(before);
      if (!step) continue;
      changed.push({ before, after: { spec: before.spec, life: step.life } });
      changes.push({ id: before.spec.id, ...step });
    }
    if (changes.length === 0) return { written: [], lost: [] };
    const lost = await store.apply(changes);
    const lostIds = new Set(lost);
    for (const id of lost) remembered.delete(id);
    const written = lost.length === 0 ? changed : changed.filter(({ after }) => !lostIds.has(after.spec.id));
    for (const { after } of written) remember(after);
    return { written, lost };
  }

  return {
    async insert(records) {
      const outcomes = await store.insert(records);
      for (const [index, record] of records.entries()) if (outcomes[index]?.inserted) remember(record);
      return outcomes;
    },
    async claim(lane, options) {
      const records = await store.claim(lane, options);
      for (const record of records) remember(record);
      return records;
    },
    async change(ids, decide) {
      const all: Changed[] = [];
      let left = ids;
      for (let tries = 1; left.length > 0; tries += 1) {
        if (tries > triesMax) throw new Error(`${left.length} tasks kept changing under a change`);
        const { written, lost } = await attempt(left, decide);
        all.push(...written);
        left = lost;
      }
      if (all.length > 0) for (const listener of listeners) listener(all);
      return all;
    },
    onChange(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    forget(ids) {
      for (const id of ids) remembered.delete(id);
    },
  };
}
