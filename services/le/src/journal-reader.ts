import type { Bus, Consumer, Verdict } from '@tenma/bus';
import { type Heartbeat, journalBatchSchema, queues, type TaskEvent } from '@tenma/protocol';
import { type Clock, every, type Log, sleep } from '@tenma/runtime';
import type { TaskControl } from '@tenma/store';
import type { Ledger } from './ledger.ts';
import { type Moment, onEvent, type Step } from './lifecycle/index.ts';

/** Reads what IC and the WEEs report, and writes it down: many events in one transaction, acknowledged after it. */
export interface JournalReader extends AsyncDisposable {
  /** Nothing that has arrived waits to be written. */
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

/** The events of one task that wait to be written together. */
interface Pending {
  events: TaskEvent[];
  written: (() => void)[];
  readonly since: number;
}

/**
 * `queued` alone is kept back this long: most tasks end sooner, and then one write says it all. Nobody waits for it
 * but the dispatch lease, which is far longer.
 */
const queuedHoldMs = 100;
const writeMax = 1_000;
const prefetch = 500;

export async function startJournalReader(components: Components): Promise<JournalReader> {
  const { bus, ledger, clock, log, random, onHeartbeat } = components;
  let pending = new Map<string, Pending>();
  let writing = false;
  let closed = false;

  function add(event: TaskEvent, written: () => void): void {
    const found = pending.get(event.task_id);
    if (found) {
      found.events.push(event);
      found.written.push(written);
    } else pending.set(event.task_id, { events: [event], written: [written], since: clock.now() });
  }

  function receive(body: unknown): Promise<Verdict> | Verdict {
    const parsed = journalBatchSchema.safeParse(body);
    if (!parsed.success) {
      log.error({ issues: parsed.error.issues.slice(0, 5) }, 'a journal message is not one; dropped');
      return 'drop';
    }
    const { events, heartbeat } = parsed.data;
    if (heartbeat) onHeartbeat(heartbeat);
    if (events.length === 0) return 'ack';
    return new Promise((resolve) => {
      let left = events.length;
      const written = () => {
        left -= 1;
        if (left === 0) resolve('ack');
      };
      for (const event of events) add(event, written);
      kick();
    });
  }

  /** Takes what is worth writing now out of `pending`. */
  function ripe(): Map<string, Pending> {
    const holdUntil = clock.now() - queuedHoldMs;
    const batch = new Map<string, Pending>();
    for (const [id, entry] of pending) {
      if (batch.size === writeMax) break;
      const onlyQueued = entry.events.every((event) => event.kind === 'queued');
      if (onlyQueued && entry.since > holdUntil) continue;
      batch.set(id, entry);
    }
    for (const id of batch.keys()) pending.delete(id);
    return batch;
  }

  async function write(batch: Map<string, Pending>): Promise<void> {
    const moment = { now: clock.now(), random };
    await ledger.change([...batch.keys()], (control) =>
      fold(control, inOrder(batch.get(control.spec.id)?.events ?? []), moment),
    );
    for (const { written } of batch.values()) for (const done of written) done();
  }

  async function drain(): Promise<void> {
    for (let batch = ripe(); batch.size > 0 && !closed; batch = ripe()) {
      try {
        await write(batch);
      } catch (error) {
        log.warn({ err: error }, 'the journal cannot be written down; trying again');
        putBack(batch);
        await sleep(clock, 500);
      }
    }
  }

  function putBack(batch: Map<string, Pending>): void {
    const newer = pending;
    pending = batch;
    for (const [id, entry] of newer) {
      const older = pending.get(id);
      if (!older) pending.set(id, entry);
      else {
        older.events.push(...entry.events);
        older.written.push(...entry.written);
      }
    }
  }

  /** Writes at the end of the turn, so that messages that arrive together are written together. */
  function kick(): void {
    if (writing) return;
    writing = true;
    setImmediate(() => {
      void drain().finally(() => {
        writing = false;
      });
    });
  }

  await bus.declareQueue(queues.journal, { kind: 'durable' });
  const consumer: Consumer = await bus.consume(queues.journal, { prefetch }, ({ body }) => receive(body));
  const hold = every(clock, queuedHoldMs / 2, () => {
    if (pending.size > 0) kick();
  });

  return {
    get caughtUp() {
      return !writing && pending.size === 0;
    },
    async [Symbol.asyncDispose]() {
      await consumer.cancel();
      closed = true;
      hold[Symbol.dispose]();
      await consumer[Symbol.asyncDispose]();
    },
  };
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
