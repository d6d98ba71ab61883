import { defaults, isUrgent, type RateLimit, type TaskType } from '@tenma/protocol';
import { type Clock, every, type Log } from '@tenma/runtime';
import { type Lane, laneOf, type Store, type TaskRecord, type TaskSpec } from '@tenma/store';
import type { Changed, Ledger } from '../ledger.ts';
import type { Lease } from '../observe/lease.ts';
import type { TaskTypes } from '../task-types.ts';
import { createWakeable, type Wakeable } from '../wakeable.ts';
import { createLimiter, type Limiter, type Obstacle } from './limiter.ts';
import { createOutCount, type OutCount } from './out-count.ts';
import { createRota, type Rota, type Turn } from './rota.ts';
import { createSharedWindow, type SharedWindow } from './shared-window.ts';

/**
 * Sends what is under a limit. Of all replicas only the one that holds the lease does, so that one count is kept; the
 * others leave such tasks due in the store. A task counts as out from when it is sent until it ends or is due again.
 */
export interface LimitedLanes extends Disposable {
  /** Tasks that are out under a limit, as far as this replica keeps the count. */
  readonly out: number;
  /** It, or its type, has a limit: it is never sent straight. */
  isLimited(spec: Pick<TaskSpec, 'type' | 'limit'>): boolean;
  /** A task of a limited lane has become due. */
  due(spec: TaskSpec): void;
  /** A lane without a key, of a type with a limit, has due tasks; `urgent`: such ones among them. */
  dueLane(lane: Lane, urgent: boolean): void;
  onChange(changes: readonly Changed[]): void;
  changedElsewhere(taskIds: readonly string[]): void;
  /** Looks for due lanes with a key: some at each call, all in turn. */
  poll(): Promise<void>;
  /** What its limits mean for a due task, going on from "it is"; null when they do not keep it from being sent. */
  waitingFor(spec: Pick<TaskSpec, 'type' | 'limit'>): string | null;
}

interface Components {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly types: Pick<TaskTypes, 'get' | 'all'>;
  readonly lease: Lease;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether anything can be sent now. */
  readonly open: () => boolean;
  /** It is claimed. */
  readonly send: (record: TaskRecord) => void;
}

/** Lanes looked at by one poll. */
const lanesAtOnce = 500;
/** Tasks that one lane may send in its turn. */
const turnMax = 100;
/** Lanes whose turns come together: their claims are one commit. */
const turnsTogether = 64;
const forgetIdleMs = 2_000;

export function createLimitedLanes(components: Components): LimitedLanes {
  return new LeasedLanes(components);
}

class LeasedLanes implements LimitedLanes {
  readonly #components: Components;
  readonly #limiter: Limiter;
  readonly #count: OutCount;
  readonly #rota: Rota = createRota();
  readonly #window: SharedWindow;
  readonly #sending: Wakeable;
  readonly #parts: Disposable[];
  /** By obstacle: when it may have gone. */
  readonly #timers = new Map<string, Disposable>();
  #after: Lane | null = null;

  constructor(components: Components) {
    const { store, types, lease, clock, log } = components;
    this.#components = components;
    this.#window = createSharedWindow(clock);
    this.#limiter = createLimiter({ clock }, (type) => limitOf(types.get(type)));
    this.#sending = createWakeable(
      () => this.#work(),
      (error) => log.debug({ err: error }, 'limited tasks not claimed; trying again'),
    );
    this.#count = createOutCount({
      store,
      types,
      limiter: this.#limiter,
      clock,
      mayAct: () => this.#mayAct,
      onDue: () => this.#sending.wake(),
      onBack: (task) => {
        for (const name of this.#limiter.withRoom(task)) this.#recallFor(name);
      },
    });
    this.#parts = [
      this.#count,
      this.#window,
      lease.onChange((held) => {
        this.#begin();
        if (held) this.#sending.wake();
      }),
      every(clock, forgetIdleMs, () => this.#limiter.forgetIdle()),
    ];
  }

  get out(): number {
    return this.#limiter.out;
  }

  isLimited({ type, limit }: Pick<TaskSpec, 'type' | 'limit'>): boolean {
    return limit !== undefined || limitOf(this.#components.types.get(type)) !== undefined;
  }

  due(spec: TaskSpec): void {
    if (!this.#components.lease.held) return;
    if (spec.limit) this.#limiter.learn(spec.limit, spec.createdAt);
    this.dueLane(laneOf(spec), isUrgent(spec));
  }

  dueLane(lane: Lane, urgent: boolean): void {
    if (!this.#components.lease.held) return;
    this.#rota.add({ lane, urgent });
    if (!this.#obstacle({ lane, urgent })) this.#rota.recall(lane);
    this.#sending.wake();
  }

  onChange(changes: readonly Changed[]): void {
    for (const { after } of changes) {
      const { id } = after.spec;
      if (after.life.state === 'queued') this.#window.refresh(id);
      else if (after.life.state === 'running') this.#leaveWindow(id, 'started');
      else this.#leaveWindow(id, after.life.state === 'waiting' ? 'returned' : 'started');
    }
    this.#count.onChange(changes);
  }

  changedElsewhere(taskIds: readonly string[]): void {
    for (const id of taskIds) this.#leaveWindow(id, 'returned');
    this.#count.changedElsewhere(taskIds);
  }

  async poll(): Promise<void> {
    const { store, clock } = this.#components;
    if (!this.#mayAct) return;
    this.#count.onTypes();
    const page = await store
      .dueKeyedLanes(clock.now(), { size: lanesAtOnce, after: this.#after, countUpTo: 1 })
      .catch(() => null);
    if (!page || !this.#mayAct) return;
    this.#after = page.next;
    for (const { limit, limitAt, type, region, limitKey, urgent } of page.items) {
      this.#limiter.learn(limit, limitAt);
      this.dueLane({ type, region, limitKey }, urgent > 0);
    }
    this.#sending.wake();
  }

  waitingFor(spec: Pick<TaskSpec, 'type' | 'limit'>): string | null {
    if (!this.isLimited(spec)) return null;
    if (!this.#components.lease.held)
      return 'under a limit, which another replica keeps: whether it has room is not known here';
    const obstacle = this.#limiter.waitingFor({ type: spec.type, limitKey: spec.limit?.key ?? '' });
    return obstacle === null ? null : `held back: ${obstacle}`;
  }

  [Symbol.dispose](): void {
    for (const part of this.#parts) part[Symbol.dispose]();
    this.#begin();
  }

  get #mayAct(): boolean {
    return this.#components.lease.held && this.#components.open();
  }

  /** The lease has come or gone: whoever holds it begins by counting. */
  #begin(): void {
    for (const timer of this.#timers.values()) timer[Symbol.dispose]();
    this.#timers.clear();
    this.#rota.clear();
    this.#limiter.restart();
    this.#count.restart();
  }

  /** A turn for each lane, some at a time, until none has both due tasks and room. */
  async #work(): Promise<void> {
    while (this.#mayAct) {
      if (this.#count.due) {
        await this.#count.count();
        this.#rota.recallAll();
      }
      const claims: Promise<void>[] = [];
      while (claims.length < turnsTogether && this.#mayAct) {
        const turn = this.#rota.next();
        if (!turn) break;
        const obstacle = this.#obstacle(turn);
        if (obstacle) this.#setAside(turn, obstacle);
        else claims.push(this.#claim(turn.lane));
        if (obstacle) this.#recallBeside(turn.lane);
      }
      if (claims.length === 0) return;
      const failed = (await Promise.allSettled(claims)).find(({ status }) => status === 'rejected');
      if (failed) throw (failed as PromiseRejectedResult).reason;
    }
  }

  async #claim(lane: Lane): Promise<void> {
    const { ledger, clock, send } = this.#components;
    const urgentOnly = this.#window.room(lane, false) <= 0;
    const limit = Math.min(this.#limiter.free(lane), this.#window.room(lane, urgentOnly), turnMax);
    const now = clock.now();
    const leaseUntil = now + defaults.dispatchLeaseMs;
    const records = await this.#whileReserved(lane, { limit, urgentOnly }, () =>
      ledger.claim(lane, { now, leaseUntil, limit, urgentOnly }),
    );
    for (const record of records) {
      const { spec } = record;
      if (spec.limit) this.#limiter.learn(spec.limit, spec.createdAt);
      this.#limiter.take({ id: spec.id, type: spec.type, limitKey: lane.limitKey });
      // Beyond their own room they take that of the others, as the dispatcher's do.
      const urgent = isUrgent(spec) && this.#window.room(lane, true) > 0;
      this.#window.take(lane, spec.id, urgent);
      send(record);
    }
    const last = records.length === limit ? records.at(-1) : undefined;
    // Highest priority first: after one that is not urgent, none is.
    if (last || urgentOnly) this.#rota.add({ lane, urgent: last !== undefined && isUrgent(last.spec) });
    this.#recallBeside(lane);
  }

  /** Others claim at the same time: what they may take is without this. */
  async #whileReserved<T>(
    lane: Lane,
    { limit, urgentOnly }: { limit: number; urgentOnly: boolean },
    work: () => Promise<T>,
  ): Promise<T> {
    using _limits = this.#limiter.reserve(lane, limit);
    using _window = this.#window.reserve(lane, urgentOnly, limit);
    return await work();
  }

  #obstacle({ lane, urgent }: Turn): Obstacle | null {
    const limited = this.#limiter.obstacle(lane);
    if (limited) return limited;
    const room = this.#window.room(lane, false) > 0 || (urgent && this.#window.room(lane, true) > 0);
    return room ? null : { name: this.#window.nameOf(lane, urgent), goneInMs: null };
  }

  #setAside(turn: Turn, { name, goneInMs }: Obstacle): void {
    this.#rota.setAside(turn, name);
    if (goneInMs === null || this.#timers.has(name)) return;
    const timer = this.#components.clock.after(goneInMs, () => {
      this.#timers.delete(name);
      this.#recallFor(name);
    });
    this.#timers.set(name, timer);
  }

  /** Room that a lane has left is for those that stand aside for the same; each of these sees to the next. */
  #recallBeside(lane: Lane): void {
    for (const name of this.#limiter.withRoom(lane)) this.#rota.recallOne(name);
    this.#recallForWindow(lane);
  }

  /** The urgent take any room, the others only their own. */
  #recallForWindow(lane: Lane): void {
    const usual = this.#window.room(lane, false) > 0;
    if (usual || this.#window.room(lane, true) > 0) this.#rota.recallOne(this.#window.nameOf(lane, true));
    if (usual) this.#rota.recallOne(this.#window.nameOf(lane, false));
  }

  #recallFor(obstacle: string): void {
    this.#rota.recallOne(obstacle);
    this.#sending.wake();
  }

  #leaveWindow(taskId: string, how: 'started' | 'returned'): void {
    const freed = this.#window.release(taskId, how);
    if (!freed) return;
    this.#recallForWindow(freed);
    this.#sending.wake();
  }
}

/** One that says nothing is none. */
function limitOf(type: TaskType | undefined): RateLimit | undefined {
  const limit = type?.limit;
  return limit?.per_s === undefined && limit?.concurrent === undefined ? undefined : limit;
}
