import type { Bus } from '@tenma/bus';
import { defaults, isTerminal } from '@tenma/protocol';
import { type Clock, every, type Log } from '@tenma/runtime';
import type { Lane, Store, TaskControl, TaskLife, TaskRecord } from '@tenma/store';
import type { Changed, Ledger } from './ledger.ts';
import { next, sentStraight } from './lifecycle/index.ts';
import { type ActiveRegion, createOutbox, dispatchOf, type Outbox } from './outbox.ts';
import { createWakeable, type Wakeable } from './wakeable.ts';
import { createWindow, laneKey, type Window } from './window.ts';

/**
 * The one mechanism for now, later, again and retry: a row that is due is sent to IC under a lease. A new task whose
 * lane has room and no backlog is written down as sent already, and goes out after the commit without being read back.
 */
export interface Dispatcher extends AsyncDisposable {
  /** The life to insert a new task with: sent straight if its lane has room, else due. */
  admit(control: TaskControl): TaskLife;
  /** They are committed: sends those that were admitted straight, and looks for room for the others. */
  sendAdmitted(records: readonly TaskRecord[]): void;
  /** The commit failed, or an earlier task stood in its place. */
  withdraw(taskIds: readonly string[]): void;
  onChange(changes: readonly Changed[]): void;
  /** Another replica changed these: what of them was out here is out no more. */
  changedElsewhere(taskIds: readonly string[]): void;
  /** A task of the lane has become due: looks now instead of at the next poll. */
  due(lane: Lane): void;
  /** Many tasks of unknown lanes have become due. */
  poll(): Promise<void>;
}

interface Components {
  readonly bus: Bus;
  readonly store: Store;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly log: Log;
  /** Null as long as it is not known: until then nothing is sent. */
  readonly active: () => ActiveRegion | null;
}

const pollMs = 200;
const claimMax = 500;
/** Claiming fewer than this at a time costs more in round trips than it gains. */
const claimMin = 50;
const measureMs = 500;
const restFactor = 4;
/** A task that was sent and not heard of for two leases is no longer counted as out. */
const forgetAfterMs = 2 * defaults.dispatchLeaseMs;

export function startDispatcher(components: Components, leId: string): Dispatcher {
  return new LaneDispatcher(components, leId);
}

class LaneDispatcher implements Dispatcher {
  readonly #components: Components;
  readonly #window: Window = createWindow();
  readonly #outbox: Outbox;
  /** Lanes that may have due tasks in the store. A new task of such a lane queues up behind them. */
  readonly #backlogged = new Map<string, Lane>();
  readonly #claiming: Wakeable;
  readonly #timers: Disposable[];
  #closed = false;

  constructor(components: Components, leId: string) {
    const { bus, clock, log } = components;
    this.#components = components;
    this.#outbox = createOutbox(components, leId);
    this.#claiming = createWakeable(
      () => this.#claimAll(),
      (error) => log.warn({ err: error }, 'claiming due tasks failed'),
    );
    this.#timers = [
      pollGently(clock, () => this.poll()),
      every(clock, measureMs, () => this.#window.measure(measureMs, clock.now() - forgetAfterMs)),
      bus.onStatus((status) => void (status === 'connected' && this.poll())),
    ];
  }

  get #open(): boolean {
    const { bus, active } = this.#components;
    return !this.#closed && bus.status === 'connected' && active() !== null;
  }

  admit({ spec, life }: TaskControl): TaskLife {
    if (life.state !== 'accepted') return life;
    const straight = this.#open && !this.#backlogged.has(laneKey(spec)) && this.#window.free(spec) > 0;
    if (!straight) {
      this.#mark(spec);
      return life;
    }
    const now = this.#components.clock.now();
    this.#window.take(spec, spec.id, now);
    return sentStraight(life, now + defaults.dispatchLeaseMs);
  }

  sendAdmitted(records: readonly TaskRecord[]): void {
    for (const record of records) if (record.life.dispatchNo > 0) this.#send(record);
    if (this.#backlogged.size > 0) this.#claiming.wake();
  }

  withdraw(taskIds: readonly string[]): void {
    for (const id of taskIds) this.#window.release(id, 'returned');
  }

  changedElsewhere(taskIds: readonly string[]): void {
    this.withdraw(taskIds);
  }

  onChange(changes: readonly Changed[]): void {
    let room = false;
    for (const { after } of changes) {
      if (after.life.state === 'queued') {
        this.#window.refresh(after.spec.id, this.#components.clock.now());
        continue;
      }
      const how = after.life.state === 'waiting' ? 'returned' : 'started';
      const lane = this.#window.release(after.spec.id, how);
      room ||=
        lane !== undefined && this.#backlogged.has(laneKey(lane)) && this.#window.free(lane) >= claimMin;
    }
    if (room) this.#claiming.wake();
  }

  due(lane: Lane): void {
    this.#mark(lane);
    this.#claiming.wake();
  }

  async poll(): Promise<void> {
    if (!this.#open) return;
    const { store, clock } = this.#components;
    const lanes = await store.dueLanes(clock.now()).catch(() => []);
    for (const lane of lanes) this.#mark(lane);
    if (this.#backlogged.size > 0) this.#claiming.wake();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) timer[Symbol.dispose]();
    await this.#outbox.idle();
  }

  #mark({ type, region }: Lane): void {
    this.#backlogged.set(laneKey({ type, region }), { type, region });
  }

  /** Takes turns over the lanes until none has both due tasks and room. */
  async #claimAll(): Promise<void> {
    for (let progress = true; progress; ) {
      progress = false;
      for (const lane of Array.from(this.#backlogged.values())) {
        if (this.#open && (await this.#claim(lane))) progress = true;
      }
    }
  }

  /** Resolves with whether the lane may have more. */
  async #claim(lane: Lane): Promise<boolean> {
    const { ledger, clock } = this.#components;
    const free = this.#window.free(lane);
    if (free < claimMin) return false;
    const limit = Math.min(free, claimMax);
    const now = clock.now();
    const records = await ledger.claim(lane, { now, leaseUntil: now + defaults.dispatchLeaseMs, limit });
    for (const record of records) {
      this.#window.take(lane, record.spec.id, now);
      this.#send(record);
    }
    if (records.length < limit) this.#backlogged.delete(laneKey(lane));
    return records.length === limit;
  }

  #send(record: TaskRecord): void {
    this.#outbox.add(dispatchOf(record)).catch((error: unknown) => {
      this.#components.log.debug({ err: error, task: record.spec.id }, 'not sent; due again');
      return this.#giveBack(record);
    });
  }

  /** The broker did not take it: due at once, for when there is a broker. If that cannot be written, the lease ends. */
  async #giveBack({ spec, life: sent }: TaskRecord): Promise<void> {
    const { ledger, clock } = this.#components;
    this.#window.release(spec.id, 'returned');
    this.#mark(spec);
    const sentAndUnheard = ({ dispatchNo, dueAt, state }: TaskLife) =>
      dispatchNo === sent.dispatchNo && dueAt === sent.dueAt && !isTerminal(state);
    await ledger
      .change([spec.id], ({ life }) =>
        sentAndUnheard(life) ? { life: next(life, { dueAt: clock.now() }) } : null,
      )
      .catch(() => undefined);
  }
}

/** Polls at its pace, but leaves the store alone for several times as long as it took to answer. */
function pollGently(clock: Clock, poll: () => Promise<void>): Disposable {
  let restUntil = 0;
  return every(clock, pollMs, async () => {
    const started = clock.monotonic();
    if (started < restUntil) return;
    await poll();
    const ended = clock.monotonic();
    restUntil = ended + restFactor * (ended - started);
  });
}
