import { observePrincipal, type SubmissionInput } from '@tenma/protocol';
import type { Clock, Log } from '@tenma/runtime';
import type { Intake, Submitted } from '../intake.ts';
import { createDueHeap, type HeapItem } from './due-heap.ts';
import { createLagWindow, type Lag } from './lag-window.ts';
import type { Lease } from './lease.ts';

/** Something that submits tasks slot by slot. */
export interface Recurring {
  readonly id: string;
  /** Who submits: stands as `principal` on the tasks. */
  readonly principal: string;
  /** The first slot that starts after a moment; Unix ms. Null: none any more. */
  slotAfter(after: number): number | null;
  /** Tasks of a slot, with idempotency keys that name the slot: whoever makes them again makes the same ones. */
  tasksFor(slot: number): readonly SubmissionInput[];
}

/** Submits the tasks of every slot when it starts, while this replica holds the lease. Slots that were missed are left out. */
export interface Scheduler extends AsyncDisposable {
  /** Adds it, or puts it in the place of the one with its id. */
  set(recurring: Recurring): void;
  remove(id: string): void;
  /** Besides the slots, once, at a moment (Unix ms). */
  once(at: number, principal: string, tasks: () => readonly SubmissionInput[]): void;
}

/** With what metrics and tests want to know of it. */
export interface MeasuredScheduler extends Scheduler {
  /** From the start of a slot until its tasks are committed. */
  lagMs(): Lag;
  /** Since the start. `lost`: came to no task, since the slot was missed or its tasks were not taken. */
  readonly counts: { readonly submitted: number; readonly lost: number };
}

interface Components {
  readonly intake: Intake;
  readonly lease: Pick<Lease, 'held' | 'onChange'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** What becomes due meanwhile leaves together. */
const tickMs = 50;
/** It looks at the clock this often though nothing is due: the time of day may be set. */
const sleepMs = 1_000;
/** Due for longer than this: missed. */
const missedMs = 10_000;
const batchItems = 500;
/** Submissions under way at once. What is due beyond that waits as one slot of its recurring, never as a queue. */
const batchesMax = 4;
const tellMs = 10_000;

export function startScheduler(components: Components): MeasuredScheduler {
  return new HeapScheduler(components);
}

interface Entry extends HeapItem {
  readonly recurring: Recurring;
}

interface Due {
  readonly slot: number;
  readonly task: SubmissionInput;
}

class HeapScheduler implements MeasuredScheduler {
  readonly #components: Components;
  readonly #entries = new Map<string, Entry>();
  readonly #heap = createDueHeap<Entry>();
  readonly #lag: ReturnType<typeof createLagWindow>;
  readonly #listening: Disposable;
  readonly #sending = new Set<Promise<void>>();
  #active = false;
  #timer: Disposable | undefined;
  /** On the monotonic clock. */
  #wakeAt = Infinity;
  #tickedAt = -Infinity;
  /** The time of day at the last tick. */
  #lastNow = 0;
  #counts = { submitted: 0, lost: 0 };
  #untold = { count: 0, reason: '', example: undefined as unknown };
  #toldAt = -Infinity;

  constructor(components: Components) {
    this.#components = components;
    this.#lag = createLagWindow(components.clock);
    this.#listening = components.lease.onChange((held) => this.#setActive(held));
    this.#setActive(components.lease.held);
  }

  get counts(): { readonly submitted: number; readonly lost: number } {
    return this.#counts;
  }

  lagMs(): Lag {
    return this.#lag.read();
  }

  set(recurring: Recurring): void {
    const old = this.#entries.get(recurring.id);
    if (old) this.#heap.remove(old);
    const entry: Entry = { recurring, at: Infinity, place: -1 };
    this.#entries.set(recurring.id, entry);
    if (!this.#active) return;
    const now = this.#components.clock.now();
    // A slot that has started and only waits for the next tick is not lost by the change.
    const waits = old !== undefined && old.at <= now && now - old.at <= missedMs;
    this.#place(entry, waits ? old.at - 1 : now);
    this.#arm();
  }

  remove(id: string): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#entries.delete(id);
    this.#heap.remove(entry);
  }

  once(at: number, principal: string, tasks: () => readonly SubmissionInput[]): void {
    if (!this.#active) return;
    const recurring: Recurring = { id: '', principal, slotAfter: () => null, tasksFor: tasks };
    this.#heap.add({ recurring, at, place: -1 });
    this.#arm();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listening[Symbol.dispose]();
    this.#setActive(false);
    await Promise.all(this.#sending);
  }

  #setActive(active: boolean): void {
    this.#timer?.[Symbol.dispose]();
    this.#wakeAt = Infinity;
    this.#heap.clear();
    this.#active = active;
    if (active) this.#beginAnew();
  }

  /** All slots from now on. */
  #beginAnew(): void {
    const now = this.#components.clock.now();
    this.#lastNow = now;
    this.#heap.clear();
    for (const entry of this.#entries.values()) this.#place(entry, now);
    this.#arm();
  }

  #place(entry: Entry, after: number): void {
    try {
      const at = entry.recurring.slotAfter(after);
      entry.at = at ?? Infinity;
      if (at !== null) this.#heap.add(entry);
    } catch (error) {
      entry.at = Infinity;
      this.#components.log.error({ err: error, id: entry.recurring.id }, 'has no next slot');
    }
  }

  /** Sees to it that the next tick comes when the first slot starts. */
  #arm(): void {
    if (!this.#active || this.#sending.size >= batchesMax) return;
    const { clock } = this.#components;
    const monotonic = clock.monotonic();
    const inMs = Math.min(sleepMs, (this.#heap.first?.at ?? Infinity) - clock.now());
    const wakeAt = Math.max(monotonic + inMs, this.#tickedAt + tickMs);
    if (wakeAt >= this.#wakeAt) return;
    this.#timer?.[Symbol.dispose]();
    this.#wakeAt = wakeAt;
    this.#timer = clock.after(Math.max(0, wakeAt - monotonic), () => this.#tick());
  }

  #tick(): void {
    const { clock, lease } = this.#components;
    this.#wakeAt = Infinity;
    this.#tickedAt = clock.monotonic();
    const now = clock.now();
    this.#tellLosses();
    // A pause of the process is noticed by the lease before its listeners are told.
    if (!this.#active || !lease.held) return this.#arm();
    // The time of day was set back: nobody would be due for as long.
    if (now < this.#lastNow - sleepMs) return this.#beginAnew();
    this.#lastNow = now;
    while (this.#sending.size < batchesMax) {
      const due = this.#takeDue(now);
      if (due.size === 0) break;
      this.#send(due);
    }
    this.#arm();
  }

  /** Of what is due as much as makes a batch, by principal. */
  #takeDue(now: number): Map<string, Due[]> {
    const groups = new Map<string, Due[]>();
    let items = 0;
    for (
      let entry = this.#heap.first;
      entry && entry.at <= now && items < batchItems;
      entry = this.#heap.first
    ) {
      const { at: slot, recurring } = entry;
      this.#heap.remove(entry);
      this.#place(entry, now);
      if (now - slot > missedMs) {
        this.#lose(1, 'missed', recurring.id);
        continue;
      }
      const group = groups.get(recurring.principal) ?? [];
      groups.set(recurring.principal, group);
      for (const task of this.#tasksOf(recurring, slot)) {
        group.push({ slot, task });
        items += 1;
      }
    }
    return groups;
  }

  #tasksOf(recurring: Recurring, slot: number): readonly SubmissionInput[] {
    try {
      return recurring.tasksFor(slot);
    } catch (error) {
      this.#components.log.error(
        { err: error, id: recurring.id, slot },
        'the tasks of a slot could not be made',
      );
      return [];
    }
  }

  #send(groups: ReadonlyMap<string, readonly Due[]>): void {
    const sent = Promise.all([...groups].map(([principal, due]) => this.#submit(principal, due))).then(() => {
      this.#sending.delete(sent);
      this.#arm();
    });
    this.#sending.add(sent);
  }

  async #submit(principal: string, due: readonly Due[]): Promise<void> {
    const { intake, clock } = this.#components;
    for (let start = 0; start < due.length; start += batchItems) {
      const part = due.slice(start, start + batchItems);
      const tasks = part.map(({ task }) => task);
      try {
        // Regions must be looked after most of all when work piles up.
        const evenWhenFull = principal === observePrincipal;
        const options = { principal, traceparent: null, checkSizes: false, evenWhenFull };
        const answers = await intake.submit(tasks, options);
        this.#note(part, answers, clock.now());
      } catch (error) {
        this.#lose(part.length, 'not written', error);
      }
    }
  }

  #note(due: readonly Due[], answers: readonly Submitted[], now: number): void {
    for (const [index, { slot }] of due.entries()) {
      const answer = answers[index];
      if (answer && 'problem' in answer) {
        this.#lose(1, 'refused', answer.problem);
        continue;
      }
      this.#counts.submitted += 1;
      this.#lag.note(now - slot);
    }
  }

  #lose(count: number, reason: string, example: unknown): void {
    this.#counts.lost += count;
    this.#untold = { count: this.#untold.count + count, reason, example };
    this.#tellLosses();
  }

  #tellLosses(): void {
    const { clock, log } = this.#components;
    const { count: lost, reason, example } = this.#untold;
    if (lost === 0 || clock.monotonic() - this.#toldAt < tellMs) return;
    this.#toldAt = clock.monotonic();
    this.#untold = { count: 0, reason: '', example: undefined };
    log.warn(
      { lost, reason, ...(example instanceof Error ? { err: example } : { example }) },
      'slots without their tasks',
    );
  }
}
