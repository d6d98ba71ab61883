import type { Bus } from '@tenma/bus';
import { defaults, isTerminal, isUrgent } from '@tenma/protocol';
import { type Clock, every, type Log } from '@tenma/runtime';
import {
  type Lane,
  laneOf,
  type Store,
  type TaskControl,
  type TaskLife,
  type TaskRecord,
  type TaskSpec,
} from '@tenma/store';
import type { Changed, Ledger } from './ledger.ts';
import { type Backlog, type Backlogs, createBacklogs } from './backlogs.ts';
import { createLimitedLanes, type LimitedLanes } from './limits/limited-lanes.ts';
import { next, sentStraight } from './lifecycle/index.ts';
import { type ActiveRegion, createOutbox, dispatchOf, type Outbox } from './outbox.ts';
import type { Lease } from './observe/lease.ts';
import { pollGently } from './poll-gently.ts';
import type { TaskTypes } from './task-types.ts';
import { createWakeable, type Wakeable } from './wakeable.ts';
import { createWindow, type Room, type Window } from './window.ts';

/**
 * The one mechanism for now, later, again and retry: a row that is due is sent to IC under a lease. A new task whose
 * lane has room and no backlog is written down as sent already, and goes out after the commit without being read back.
 * Urgent tasks (above the default priority) have room and a backlog of their own. Tasks under a limit are claimed by
 * one replica alone, in turns.
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
  /** The task has become due: looks now instead of at the next poll. */
  due(spec: TaskSpec): void;
  /** Many tasks of unknown lanes have become due. */
  poll(): Promise<void>;
  /** What its limits mean for a due task, going on from "it is"; null when they do not keep it from being sent. */
  waitingFor(spec: Pick<TaskSpec, 'type' | 'limit'>): string | null;
  /** Tasks that are out under a limit, as far as this replica keeps the count. */
  readonly limitedOut: number;
}

interface Components {
  readonly bus: Bus;
  readonly store: Store;
  readonly ledger: Ledger;
  readonly types: Pick<TaskTypes, 'get' | 'all'>;
  /** Whose holder sends what is under a limit. */
  readonly limits: Lease;
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
/** A task that was sent and not heard of for two leases is no longer counted as out. */
const forgetAfterMs = 2 * defaults.dispatchLeaseMs;

export function startDispatcher(components: Components, leId: string): Dispatcher {
  return new LaneDispatcher(components, leId);
}

class LaneDispatcher implements Dispatcher {
  readonly #components: Components;
  readonly #window: Window = createWindow();
  readonly #outbox: Outbox;
  readonly #limited: LimitedLanes;
  readonly #backlogs: Backlogs = createBacklogs();
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
    this.#limited = createLimitedLanes({
      ...components,
      lease: components.limits,
      open: () => this.#open,
      send: (record) => this.#send(record),
    });
    this.#timers = [
      this.#limited,
      pollGently(clock, pollMs, () => this.#pollUnkeyed()),
      pollGently(clock, pollMs, () => this.#limited.poll()),
      every(clock, measureMs, () => this.#window.measure(measureMs, clock.now() - forgetAfterMs)),
      bus.onStatus((status) => void (status === 'connected' && this.poll())),
    ];
  }

  get #open(): boolean {
    const { bus, active } = this.#components;
    return !this.#closed && bus.status === 'connected' && active() !== null;
  }

  get limitedOut(): number {
    return this.#limited.out;
  }

  waitingFor(spec: Pick<TaskSpec, 'type' | 'limit'>): string | null {
    return this.#limited.waitingFor(spec);
  }

  admit({ spec, life }: TaskControl): TaskLife {
    if (life.state !== 'accepted' || this.#limited.isLimited(spec)) return life;
    const lane = laneOf(spec);
    const urgent = isUrgent(spec);
    const behind = this.#backlogs.standsBefore(lane, urgent);
    if (behind || !this.#open || this.#window.free(lane, urgent) === 0) {
      this.#backlogs.mark(lane, urgent);
      return life;
    }
    const now = this.#components.clock.now();
    this.#window.take(lane, spec.id, now, urgent);
    return sentStraight(life, now + defaults.dispatchLeaseMs);
  }

  sendAdmitted(records: readonly TaskRecord[]): void {
    for (const record of records) {
      if (record.life.dispatchNo > 0) this.#send(record);
      else if (record.life.state === 'accepted' && this.#limited.isLimited(record.spec))
        this.#limited.due(record.spec);
    }
    if (this.#backlogs.size > 0) this.#claiming.wake();
  }

  withdraw(taskIds: readonly string[]): void {
    for (const id of taskIds) this.#window.release(id, 'returned');
  }

  changedElsewhere(taskIds: readonly string[]): void {
    this.withdraw(taskIds);
    this.#limited.changedElsewhere(taskIds);
  }

  onChange(changes: readonly Changed[]): void {
    this.#limited.onChange(changes);
    let room = false;
    for (const { after } of changes) {
      if (after.life.state === 'queued') {
        this.#window.refresh(after.spec.id, this.#components.clock.now());
        continue;
      }
      const how = after.life.state === 'waiting' ? 'returned' : 'started';
      const freed = this.#window.release(after.spec.id, how);
      room ||= freed !== undefined && this.#hasWork(freed);
    }
    if (room) this.#claiming.wake();
  }

  due(spec: TaskSpec): void {
    if (this.#limited.isLimited(spec)) return this.#limited.due(spec);
    this.#backlogs.mark(laneOf(spec), isUrgent(spec));
    this.#claiming.wake();
  }

  async poll(): Promise<void> {
    await Promise.all([this.#pollUnkeyed(), this.#limited.poll()]);
  }

  async #pollUnkeyed(): Promise<void> {
    if (!this.#open) return;
    const { store, clock } = this.#components;
    const lanes = await store.dueLanes(clock.now()).catch(() => []);
    for (const { due, urgent, ...lane } of lanes) {
      if (this.#limited.isLimited(lane)) this.#limited.dueLane(lane, urgent > 0);
      else {
        if (urgent > 0) this.#backlogs.mark(lane, true);
        if (due > urgent) this.#backlogs.mark(lane, false);
      }
    }
    if (this.#backlogs.size > 0) this.#claiming.wake();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) timer[Symbol.dispose]();
    await this.#outbox.idle();
  }

  #hasWork({ lane, urgent }: Room): boolean {
    return this.#backlogs.canFill(lane, urgent) && this.#window.free(lane, urgent) >= claimMin;
  }

  /** Takes turns over the lanes until none has both due tasks and room. */
  async #claimAll(): Promise<void> {
    for (let progress = true; progress; ) {
      progress = false;
      for (const backlog of this.#backlogs.all()) {
        if (this.#limited.isLimited(backlog.lane)) this.#handOver(backlog);
        if (backlog.urgent && (await this.#claim(backlog.lane, true))) progress = true;
        if (backlog.usual && (await this.#claim(backlog.lane, false))) progress = true;
      }
    }
  }

  /** Its type has a limit now. */
  #handOver({ lane, urgent }: Backlog): void {
    this.#backlogs.ended(lane, 'all');
    this.#limited.dueLane(lane, urgent);
  }

  /** Resolves with whether the lane may have more. */
  async #claim(lane: Lane, urgentOnly: boolean): Promise<boolean> {
    const { ledger, clock } = this.#components;
    const free = this.#window.free(lane, urgentOnly);
    if (free < claimMin || !this.#open) return false;
    const limit = Math.min(free, claimMax);
    const now = clock.now();
    const leaseUntil = now + defaults.dispatchLeaseMs;
    const records = await ledger.claim(lane, { now, leaseUntil, limit, urgentOnly });
    for (const record of records) {
      // Beyond their own room they take that of the others: it has to end somewhere.
      const urgent = isUrgent(record.spec) && this.#window.free(lane, true) > 0;
      this.#window.take(lane, record.spec.id, now, urgent);
      this.#send(record);
    }
    if (records.length === limit) return true;
    this.#backlogs.ended(lane, urgentOnly ? 'urgent' : 'all');
    return false;
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
    if (!this.#limited.isLimited(spec)) this.#backlogs.mark(laneOf(spec), isUrgent(spec));
    const sentAndUnheard = ({ dispatchNo, dueAt, state }: TaskLife) =>
      dispatchNo === sent.dispatchNo && dueAt === sent.dueAt && !isTerminal(state);
    await ledger
      .change([spec.id], ({ life }) =>
        sentAndUnheard(life) ? { life: next(life, { dueAt: clock.now() }) } : null,
      )
      .catch(() => undefined);
  }
}
