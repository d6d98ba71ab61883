import type { Bus, Consumer, Verdict } from '@tenma/bus';
import { type Heartbeat, journalBatchSchema, queues, type TaskEvent } from '@tenma/protocol';
import { type Clock, every, type Log, sleep } from '@tenma/runtime';
import type { TaskControl } from '@tenma/store';
import type { Ledger } from './ledger.ts';
import { type Moment, onEvent, type Step } from './lifecycle/index.ts';
import { createPendingEvents, type PendingTask } from './pending-events.ts';

/** Reads what IC and the WEEs report, and writes it down: many events in one transaction, acknowledged after it. */
export interface JournalReader extends AsyncDisposable {
  /** What has arrived is written down without delay: what is not known has not happened, or not been told. */
  readonly caughtUp: boolean;
}

interface Components {
  readonly bus: Bus;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly onHeartbeat: (heartbeat: Heartbeat) => void;
}

/**
 * `queued` alone is kept back this long: most tasks end sooner, and then one write says it all. Nobody waits for it
 * but the dispatch lease, which is far longer.
 */
const queuedHoldMs = 100;
const writeMax = 1_000;
const prefetch = 500;
const retryMs = 500;
/** Events that wait longer than this show that the reader is behind. */
const behindMs = 1_000;

export async function startJournalReader(components: Components): Promise<JournalReader> {
  const reader = new BatchingReader(components);
  await reader.start();
  return reader;
}

class BatchingReader implements JournalReader {
  readonly #components: Components;
  readonly #pending = createPendingEvents();
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
    this.#holding = every(clock, queuedHoldMs / 2, () => void (this.#pending.size > 0 && this.#kick()));
  }

  get caughtUp(): boolean {
    return (this.#pending.oldest ?? Infinity) > this.#components.clock.now() - behindMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#consumer?.cancel();
    this.#closed = true;
    this.#holding?.[Symbol.dispose]();
    await this.#consumer?.[Symbol.asyncDispose]();
  }

  #receive(body: unknown): Promise<Verdict> | Verdict {
    const parsed = journalBatchSchema.safeParse(body);
    if (!parsed.success) {
      const issues = parsed.error.issues.slice(0, 5);
      this.#components.log.error({ issues }, 'a journal message is not one; dropped');
      return 'drop';
    }
    const { events, heartbeat } = parsed.data;
    if (heartbeat) this.#components.onHeartbeat(heartbeat);
    if (events.length === 0) return 'ack';
    const now = this.#components.clock.now();
    return new Promise((resolve) => {
      let left = events.length;
      const written = () => {
        left -= 1;
        if (left === 0) resolve('ack');
      };
      for (const event of events) this.#pending.add(event, written, now);
      this.#kick();
    });
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
    const take = () => this.#pending.take(writeMax, clock.now() - queuedHoldMs);
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
    await ledger.change([...batch.keys()], (control) =>
      fold(control, inOrder(batch.get(control.spec.id)?.events ?? []), moment),
    );
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
