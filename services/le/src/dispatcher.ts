import type { Bus } from '@tenma/bus';
import { type Dispatch, type DispatchBatch, defaults, isTerminal, limits, queues } from '@tenma/protocol';
import { type Clock, createBatcher, every, type Log } from '@tenma/runtime';
import type { Lane, Store, TaskControl, TaskLife, TaskRecord } from '@tenma/store';
import type { Changed, Ledger } from './ledger.ts';
import { next, sentStraight, startBy } from './lifecycle/index.ts';
import { createWindow, laneKey } from './window.ts';

/** Where `active` points. */
export interface ActiveRegion {
  readonly region: string;
  readonly epoch: number;
}

/**
 * The one mechanism for now, later, again and retry: a row that is due is sent to IC under a lease. A new task whose
 * lane has room and no backlog is written down as sent already, and goes out after the commit without being read back.
 */
export interface Dispatcher extends AsyncDisposable {
  /** The life to insert a new task with: sent straight if its lane has room, else due. */
  admit(control: TaskControl): TaskLife;
  /** Sends those that were admitted straight and are committed now. */
  sendAdmitted(records: readonly TaskRecord[]): void;
  /** The commit failed, or an earlier task stood in its place. */
  withdraw(taskIds: readonly string[]): void;
  onChange(changes: readonly Changed[]): void;
  /** Another replica changed these: what of them was out here is out no more. */
  changedElsewhere(taskIds: readonly string[]): void;
  /** Looks for due tasks now. */
  wake(): void;
  /** A task of the lane has become due: looks now instead of at the next poll. */
  due(lane: Lane): void;
}

interface Components {
  readonly bus: Bus;
  readonly store: Store;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly log: Log;
  readonly active: () => ActiveRegion;
}

const pollMs = 200;
const claimMax = 500;
/** Claiming fewer than this at a time costs more in round trips than it gains. */
const claimMin = 50;
const measureMs = 500;
/** A task that was sent and not heard of for two leases is no longer counted as out. */
const forgetAfterMs = 2 * defaults.dispatchLeaseMs;

export function startDispatcher(components: Components, leId: string): Dispatcher {
  const { bus, store, ledger, clock, log } = components;
  const window = createWindow();
  const backlogged = new Map<string, Lane>();
  let pumping = false;
  let again = false;
  let closed = false;

  const outbox = createBatcher<Dispatch, undefined>({
    maxItems: 500,
    maxSize: limits.dispatchMessageBytes,
    sizeOf: roughSize,
    concurrency: 4,
    async flush(tasks) {
      const { region, epoch } = components.active();
      const batch: DispatchBatch = { le_id: leId, active_region: region, epoch, tasks };
      await bus.publish(queues.ic, batch);
      return [];
    },
  });

  function send(record: TaskRecord): void {
    outbox.add(dispatchOf(record)).catch((error: unknown) => {
      log.debug({ err: error, task: record.spec.id }, 'not sent; due again');
      return giveBack(record);
    });
  }

  /** The broker did not take it: due at once, for when there is a broker. If that cannot be written, the lease ends. */
  async function giveBack({ spec, life: sent }: TaskRecord): Promise<void> {
    window.release(spec.id);
    backlogged.set(laneKey(spec), spec);
    await ledger
      .change([spec.id], ({ life }) =>
        life.dispatchNo === sent.dispatchNo && life.dueAt === sent.dueAt && !isTerminal(life.state)
          ? { life: next(life, { dueAt: clock.now() }) }
          : null,
      )
      .catch(() => undefined);
  }

  async function claimLane(lane: Lane): Promise<boolean> {
    const free = window.free(lane);
    if (free < claimMin) return false;
    const limit = Math.min(free, claimMax);
    const now = clock.now();
    const records = await ledger.claim(lane, { now, leaseUntil: now + defaults.dispatchLeaseMs, limit });
    for (const record of records) {
      window.take(lane, record.spec.id, now);
      send(record);
    }
    if (records.length < limit) backlogged.delete(laneKey(lane));
    return records.length === limit;
  }

  /** Takes turns over the lanes until none has both due tasks and room. */
  async function pump(): Promise<void> {
    if (closed || bus.status !== 'connected') return;
    let progress = true;
    while (progress && !closed && bus.status === 'connected') {
      progress = false;
      for (const lane of [...backlogged.values()]) if (await claimLane(lane)) progress = true;
    }
  }

  function wake(): void {
    again = true;
    if (pumping) return;
    pumping = true;
    void (async () => {
      while (again) {
        again = false;
        await pump().catch((error: unknown) => log.warn({ err: error }, 'looking for due tasks failed'));
      }
      pumping = false;
    })();
  }

  async function poll(): Promise<void> {
    if (bus.status !== 'connected') return;
    try {
      for (const lane of await store.dueLanes(clock.now())) backlogged.set(laneKey(lane), lane);
    } catch {
      return;
    }
    if (backlogged.size > 0) wake();
  }

  const timers = [
    every(clock, pollMs, poll),
    every(clock, measureMs, () => window.measure(measureMs, clock.now() - forgetAfterMs)),
    bus.onStatus((status) => void (status === 'connected' && poll())),
  ];

  return {
    admit({ spec, life }) {
      const now = clock.now();
      const straight =
        life.state === 'accepted' &&
        bus.status === 'connected' &&
        !backlogged.has(laneKey(spec)) &&
        window.free(spec) > 0;
      if (!straight) {
        if (life.state === 'accepted')
          backlogged.set(laneKey(spec), { type: spec.type, region: spec.region });
        return life;
      }
      window.take(spec, spec.id, now);
      return sentStraight(life, now + defaults.dispatchLeaseMs);
    },
    sendAdmitted(records) {
      let due = false;
      for (const record of records) {
        if (record.life.dispatchNo > 0) send(record);
        else due = true;
      }
      if (due) wake();
    },
    withdraw(taskIds) {
      for (const id of taskIds) window.release(id);
    },
    onChange(changes) {
      let roomInBacklog = false;
      for (const { after } of changes) {
        if (after.life.state === 'queued') continue;
        const lane = window.release(after.spec.id);
        if (lane && !roomInBacklog)
          roomInBacklog = backlogged.has(laneKey(lane)) && window.free(lane) >= claimMin;
      }
      if (roomInBacklog) wake();
    },
    changedElsewhere(taskIds) {
      for (const id of taskIds) window.release(id);
    },
    wake: () => void poll(),
    due({ type, region }) {
      backlogged.set(laneKey({ type, region }), { type, region });
      wake();
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      for (const timer of timers) timer[Symbol.dispose]();
      await outbox.idle();
    },
  };
}

function dispatchOf({ spec, life, input }: TaskRecord): Dispatch {
  return {
    id: spec.id,
    type: spec.type,
    input,
    region: spec.region,
    priority: spec.priority,
    requires: spec.requires,
    dispatch_no: life.dispatchNo,
    attempt: life.attempt + 1,
    max_attempts: spec.retry.max_attempts,
    crashes: life.crashes,
    revision: life.revision,
    timeout_ms: spec.timeoutMs,
    not_after: startBy({ spec, life }),
    idempotency_key: spec.idempotencyKey ?? spec.id,
    ...(spec.traceparent === null ? {} : { traceparent: spec.traceparent }),
  };
}

/** Close enough to cut messages by. */
function roughSize({ input }: Dispatch): number {
  return 500 + (typeof input === 'object' && input !== null ? JSON.stringify(input).length : 100);
}
