import type { TaskLimit, TaskState, TaskType } from '@tenma/protocol';
import type { Blobs } from './blobs.ts';
import type { Documents, Observations } from './documents.ts';
import type { Lane } from './lane.ts';
import type { TaskChange, TaskControl, TaskRecord } from './task-record.ts';

/** `closed`: by its owner, or because its database is lost for good; it does not come back. */
export type StoreStatus = 'connecting' | 'connected' | 'closed';

/**
 * Thrown when the database cannot be reached or refuses. Nothing was written, unless the connection broke while the
 * call was on its way: then it may have been. Every call can be made again: a repeated insert meets itself as
 * `existing`, a repeated apply is refused by its revision.
 */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
}

/** A new task is in, or an earlier one with the same (principal, idempotency key) stands in its place. */
export type InsertOutcome = { inserted: true } | { inserted: false; existing: TaskControl };

export interface TaskFilter {
  readonly states?: readonly TaskState[];
  readonly type?: string;
  /** As submitted. */
  readonly region?: string;
  /** All of these labels with these values. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Unix milliseconds; half-open [after, before). A task's id has to be made within a minute of its `createdAt`. */
  readonly createdAfter?: number;
  readonly createdBefore?: number;
}

export interface Page {
  readonly items: readonly TaskRecord[];
  /** Give it back as `after` for the next page; null on the last one. */
  readonly next: string | null;
}

export interface LaneBacklog extends Lane {
  /** Due tasks, counted up to 10,000; the urgent ones first. */
  readonly due: number;
  /** How many of these are above the default priority. */
  readonly urgent: number;
}

export interface KeyedLane extends LaneBacklog {
  /** Of the newest due task of the lane. */
  readonly limit: TaskLimit;
  /** When that task was made; Unix milliseconds. */
  readonly limitAt: number;
}

export interface KeyedLanesPage {
  readonly size: number;
  readonly after: Lane | null;
  readonly countUpTo: number;
}

export interface KeyedLanes {
  readonly items: readonly KeyedLane[];
  /** Give it back as `after` for the next page; null on the last one. */
  readonly next: Lane | null;
}

/** A task that is sent and has not ended. */
export interface SentTask {
  readonly id: string;
  readonly type: string;
  readonly limitKey: string;
}

export interface ClaimOptions {
  readonly now: number;
  readonly leaseUntil: number;
  readonly limit: number;
  /** Only those above the default priority. */
  readonly urgentOnly?: boolean;
}

/** `tasks`: the ids of tasks that have changed; `documents`: the kinds of documents that were written. */
export type Channel = 'tasks' | 'documents';

/**
 * The truth about every task. All writes are durable when their promise resolves, and calls that arrive together are
 * committed together. Every call may throw StoreUnavailableError.
 */
export interface Store extends AsyncDisposable, Documents, Observations, Blobs {
  readonly status: StoreStatus;
  /** Calls back on every change of status; dispose to stop. */
  onStatus(listener: (status: StoreStatus) => void): Disposable;
  /**
   * Outcomes stand in the order given. Two new tasks of one call with the same key: the first wins. A task whose id
   * is in the store already (a repetition after a lost answer) meets itself as `existing`.
   */
  insert(tasks: readonly TaskRecord[]): Promise<InsertOutcome[]>;
  get(id: string): Promise<TaskRecord | null>;
  /** Newest first. `after` is the `next` of the page before. */
  list(filter: TaskFilter, page: { size: number; after: string | null }): Promise<Page>;
  /** Unknown ids are left out. */
  controls(ids: readonly string[]): Promise<TaskControl[]>;
  /**
   * Each change, in the order given, is written if the stored revision is the one before it; returns the ids of those
   * that were not. Concurrent calls, of several processes, never deadlock.
   */
  apply(changes: readonly TaskChange[]): Promise<string[]>;
  /**
   * Takes up to `limit` due tasks of a lane, highest priority first, then longest due, and makes them due again at
   * `leaseUntil` with `dispatchNo` and `revision` grown by one; what is returned shows them after that. No two callers
   * get the same task. Cheap however long the backlog and however many tasks are due later.
   */
  claim(lane: Lane, options: ClaimOptions): Promise<TaskRecord[]>;
  /** Lanes with due tasks, but for those with a limit key. Cheap however long the backlog. */
  dueLanes(now: number): Promise<LaneBacklog[]>;
  /**
   * Lanes with a limit key and due tasks, of which there may be many: looks at `size` lanes at most, and returns those
   * of them that have any, which are counted up to `countUpTo`.
   */
  dueKeyedLanes(now: number, page: KeyedLanesPage): Promise<KeyedLanes>;
  /**
   * What is out of the tasks with a limit key, and of those of these types without one: sent, not ended, and
   * running or not due again. `leasedUntil`: no dispatch lease that counts ends later.
   */
  sentTasks(what: { now: number; leasedUntil: number; types: readonly string[] }): Promise<SentTask[]>;
  /** Tasks whose clock has run out, oldest first. */
  clocksDue(now: number, limit: number): Promise<TaskControl[]>;
  /** Ended tasks whose end is not announced yet, oldest first. */
  unannounced(limit: number): Promise<TaskRecord[]>;
  /** Tasks that are `running` on this WEE. */
  runningOn(weeId: string): Promise<TaskControl[]>;
  /**
   * Makes every unfinished task without a later `run_at` or backoff due now, growing its revision by one; returns how
   * many were not due already.
   */
  makeAllDue(now: number): Promise<number>;
  /** Unfinished tasks, counted up to `limit`. */
  countUnfinished(limit: number): Promise<number>;
  /**
   * Deletes up to `limit` tasks that were created before a moment (Unix ms) and had ended by then (probes: have ended),
   * oldest first; of this principal alone where one is named. Returns how many. Cheap however many tasks there are.
   */
  forgetTasks(what: { createdBefore: number; principal?: string; limit: number }): Promise<number>;
  /** Remembers task types as workers announce them; the newest announcement of a type wins. */
  saveTaskTypes(types: readonly TaskType[]): Promise<void>;
  taskTypes(): Promise<TaskType[]>;
  /** By the names they were saved under; unknown ones are passed over. */
  forgetTaskTypes(names: readonly string[]): Promise<void>;
  /** A small named value, with compare-and-set: writes if the stored one is `expected` (null: absent). */
  compareAndSet(name: string, expected: string | null, value: string): Promise<boolean>;
  read(name: string): Promise<string | null>;
  /** Tells other processes on the same database; nothing to do for a store with one owner. */
  notify(channel: Channel, ids: readonly string[]): Promise<void>;
  /** Calls back with what other processes notify; not with our own. */
  onNotify(listener: (channel: Channel, ids: readonly string[]) => void): Disposable;
}
