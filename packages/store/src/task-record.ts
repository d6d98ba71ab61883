import type {
  Json,
  OutputRef,
  Placement,
  Requires,
  RetryPolicy,
  TaskError,
  TaskLimit,
  TaskState,
} from '@tenma/protocol';

/** What a task was when it was accepted; never changes. Times are Unix milliseconds. */
export interface TaskSpec {
  readonly id: string;
  readonly type: string;
  /** A region id, `active` or `any`. */
  readonly region: string;
  readonly priority: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly requires: Requires;
  /** Slots that an attempt takes; absent: the worker says. */
  readonly cost?: number;
  /** Majors of the type whose schemas accept the input, that of the stable version first. Absent: there was one. */
  readonly majors?: readonly number[];
  /** One of `majors`, on trial: the first attempt prefers it. */
  readonly trialMajor?: number;
  readonly near?: string;
  readonly limit?: TaskLimit;
  readonly timeoutMs: number;
  readonly queueTimeoutMs: number;
  readonly totalTimeoutMs: number;
  readonly retry: RetryPolicy;
  readonly createdAt: number;
  readonly runAt: number | null;
  readonly deadline: number | null;
  readonly principal: string;
  readonly idempotencyKey: string | null;
  readonly traceparent: string | null;
}

/** Where a task is in its life; rewritten whole with every change. */
export interface TaskLife {
  readonly state: TaskState;
  /** Grows by one with every change; a change is written only over the revision it was computed from. */
  readonly revision: number;
  readonly reason: string | null;
  /** When the dispatcher has to send it (again); null when it need not. */
  readonly dueAt: number | null;
  /** When a clock of the task has to be judged; null when it is final. */
  readonly clockAt: number | null;
  /** Attempts started. */
  readonly attempt: number;
  readonly dispatchNo: number;
  /** The last dispatch that was heard of; what IC says of it later is old news. */
  readonly settledNo: number;
  /** Dispatches up to this one belong to a life before a retry by hand; nothing they report counts. */
  readonly earlierNo: number;
  readonly crashes: number;
  readonly placement: Placement | null;
  /** The WEE that ran or runs it. */
  readonly weeId: string | null;
  /** Of the worker that ran the last attempt. */
  readonly workerVersion?: string;
  /** Stands for an output that is kept as a blob. */
  readonly outputRef?: OutputRef;
  readonly cancelRequested: boolean;
  /** False while its end still has to be announced on MQTT. */
  readonly announced: boolean;
  readonly error: TaskError | null;
  /** When it ends as `expired` whatever happens. */
  readonly expiresAt: number;
  /** Since when it could have run: creation, `run_at`, or the end of a backoff. */
  readonly readyAt: number;
  readonly queuedAt: number | null;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
}

/** What the dispatcher and the journal reader need of a task. */
export interface TaskControl {
  readonly spec: TaskSpec;
  readonly life: TaskLife;
}

export interface TaskRecord extends TaskControl {
  readonly input: Json;
  readonly output: Json | null;
}

/** A new life for a task, written only if the stored revision is still `life.revision - 1`. */
export interface TaskChange {
  readonly id: string;
  readonly life: TaskLife;
  /** Written when present; otherwise the stored output stays. */
  readonly output?: Json;
}
