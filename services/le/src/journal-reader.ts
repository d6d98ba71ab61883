import type { Bus, Consumer, Verdict } from '@tenma/bus';
import { journalBatchSchema, queues, type TaskEvent, taskEventSchema } from '@tenma/protocol';
import { type Clock, createRecentMap, every, type Log, sleep } from '@tenma/runtime';
import type { TaskControl } from '@tenma/store';
import { z } from 'zod';
import type { EpochKeeper } from './control/epoch-keeper.ts';
import type { Ledger } from './ledger.ts';
import { type Moment, onEvent, type Step } from './lifecycle/index.ts';
import { createPendingEvents, type PendingTask } from './pending-events.ts';

/** Reads what IC and the WEEs report, and writes it down: many events in one transaction, acknowledged after it. */
export interface JournalReader extends AsyncDisposable {
  /** Messages wait in the broker that have not been read. @throws BusUnavailableError */
  isBehind(): Promise<boolean>;
  /** Something has arrived of this task that is not written down yet. */
  holds(taskId: string): boolean;
  /** Writes what is held back. Resolves when it stands in the store, or when that takes too long. */
  settle(): Promise<void>;
}

interface Components {
  readonly bus: Bus;
  readonly ledger: Ledger;
  readonly epochs: EpochKeeper;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
}

/**
 * `queued` alone is kept back this long. It is acknowledged all the same: if LE dies meanwhile the dispatch lease runs
 * out and the task is sent again, which costs a repetition and no loss.
 */
const queuedHoldMs = 1_000;
const releaseMs = 100;
const writeMax = 1_000;
/** Messages, of up to 500 events each: what of them waits for the store stands in memory. */
const prefetch = 100;
const looseBatchSchema = z.object({ from: z.string(), events: z.array(z.unknown()) });
const retryMs = 500;
const closeMs = 2_000;
const endedKept = 20_000;

export async function startJournalReader(components: Components): Promise<JournalReader> {
  const reader = new BatchingReader(components);
  await reader.start();
  return reader;
}

class BatchingReader implements JournalReader {
  readonly #components: Components;
  readonly #pending = createPendingEvents();
  /** Ended tasks, up to which dispatch: what still comes of those needs no look at the store. */
  readonly #ended = createRecentMap<number>(endedKept);
  #underWay: ReadonlyMap<string, PendingTask> = new Map();
  #writing = false;
  #closed = false;
  #consumer: Consumer | undefined;
  #holding: Disposable | undefined;

  constructor(components: Components) {
    this.#components = components;
  }

  async start(): Promise<void> {
    const { bus, clock } = this.#components;
    await bus.declareQueue(queues.journal, { kind: 'durable' });
    this.#consumer = await bus.consume(queues.journal, { prefetch }, ({ body }) => this.#receive(body));
    this.#holding = every(clock, releaseMs, () => this.#release(queuedHoldMs));
  }

  /** Resolves when nothing waits to be written, or when the patience is over. */
  async #writingEnds(patienceMs: number): Promise<void> {
    const { clock } = this.#components;
    const until = clock.monotonic() + patienceMs;
    while (this.#writing && clock.monotonic() < until) await sleep(clock, 10);
  }

  async isBehind(): Promise<boolean> {
    return (await this.#components.bus.depth(queues.journal)) !== 0;
  }

  holds(taskId: string): boolean {
    return this.#pending.has(taskId) || this.#underWay.has(taskId);
  }

  async settle(): Promise<void> {
    this.#release(0);
    await this.#writingEnds(closeMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#consumer?.cancel();
    this.#holding?.[Symbol.dispose]();
    await this.settle();
    this.#closed = true;
    await this.#consumer?.[Symbol.asyncDispose]();
  }

  #receive(body: unknown): Promise<Verdict> | Verdict {
    const told = this.#eventsOf(body);
    this.#components.epochs.onEvents(told);
    const events = told.filter((event) => this.#isNews(event));
    const now = this.#components.clock.now();
    for (const event of events) if (event.kind === 'queued') this.#pending.hold(event, now);
    const toWrite = events.filter(({ kind }) => kind !== 'queued');
    if (toWrite.length === 0) return 'ack';
    return new Promise((resolve) => {
      let left = toWrite.length;
      const written = () => {
        left -= 1;
        if (left === 0) resolve('ack');
      };
      for (const event of toWrite) this.#pending.add(event, written);
      this.#kick();
    });
  }

  /** One event that is not what it should be must not take the others with it. */
  #eventsOf(body: unknown): TaskEvent[] {
    const whole = journalBatchSchema.safeParse(body);
    if (whole.success) return whole.data.events;
    const loose = looseBatchSchema.safeParse(body);
    const parsed = (loose.data?.events ?? []).map((event) => taskEventSchema.safeParse(event));
    const issues = whole.error.issues.slice(0, 5);
    this.#components.log.error(
      { issues, from: loose.data?.from },
      'a journal message holds what it should not',
    );
    return parsed.filter((event) => event.success).map(({ data }) => data);
  }

  #isNews(event: TaskEvent): boolean {
    return event.dispatch_no > (this.#ended.get(event.task_id) ?? 0);
  }

  #release(heldForMs: number): void {
    this.#pending.release(this.#components.clock.now() - heldForMs);
    if (this.#pending.size > 0) this.#kick();
  }

  /** Writes at the end of the turn, so that messages that arrive together are written together. */
  #kick(): void {
    if (this.#writing) return;
    this.#writing = true;
    setImmediate(() => {
      void this.#drain().finally(() => {
        this.#writing = false;
      });
    });
  }

  async #drain(): Promise<void> {
    const { clock, log } = this.#components;
    const take = () => this.#pending.take(writeMax);
    for (let batch = take(); batch.size > 0 && !this.#closed; batch = take()) {
      try {
        await this.#write(batch);
      } catch (error) {
        log.warn({ err: error }, 'the journal cannot be written down; trying again');
        this.#pending.putBack(batch);
        await sleep(clock, retryMs);
      }
    }
  }

  async #write(batch: ReadonlyMap<string, PendingTask>): Promise<void> {
    const { ledger, clock, random } = this.#components;
    const moment = { now: clock.now(), random };
    this.#underWay = batch;
    const changed = await ledger.change([...batch.keys()], (control) =>
      fold(control, inOrder(batch.get(control.spec.id)?.events ?? []), moment),
    );
    this.#underWay = new Map();
    for (const { after } of changed) {
      if (after.life.finishedAt !== null) this.#ended.set(after.spec.id, after.life.dispatchNo);
    }
    for (const { written } of batch.values()) for (const done of written) done();
  }
}

/** All the events as one change, one revision on: each is judged on what the one before it made. */
function fold(control: TaskControl, events: readonly TaskEvent[], moment: Moment): Step | null {
  let folded: Step = { life: control.life };
  for (const event of events) {
    const step = onEvent({ spec: control.spec, life: folded.life }, event, moment);
    if (step) folded = { ...folded, ...step };
  }
  if (folded.life === control.life) return null;
  return { ...folded, life: { ...folded.life, revision: control.life.revision + 1 } };
}

/** IC's `queued` often arrives after the WEE's news of the same dispatch: it goes first. */
function inOrder(events: readonly TaskEvent[]): readonly TaskEvent[] {
  if (events.length === 1) return events;
  return [...events].sort((a, b) => rank(a) - rank(b));
}

function rank(event: TaskEvent): number {
  return event.dispatch_no * 10 + { queued: 0, waiting: 1, returned: 2, started: 3, finished: 4 }[event.kind];
}
