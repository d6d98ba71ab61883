import { defaults, type RetryPolicy, type Submission, type TaskType } from '@tenma/protocol';
import type { TaskControl, TaskLife, TaskSpec } from '@tenma/store';
import { next, startBy, unversioned } from './step.ts';

/** What a submission asks for, with what it leaves open taken from its type and the defaults. */
export function specOf(
  submission: Submission,
  type: TaskType,
  {
    id,
    now,
    principal,
    traceparent,
    majors,
  }: {
    id: string;
    now: number;
    principal: string;
    traceparent: string | null;
    /** Whose schemas accept the input, the preferred one first; left out where there is no choice. */
    majors?: readonly number[] | undefined;
  },
): TaskSpec {
  const retry: RetryPolicy = { ...type.retry, ...definedOnly(submission.retry ?? {}) };
  return {
    id,
    type: submission.type,
    region: submission.region,
    priority: submission.priority,
    labels: submission.labels ?? {},
    requires: submission.requires ?? {},
    ...definedOnly({
      cost: submission.cost,
      majors,
      near: submission.near,
      limit: submission.limit,
    }),
    timeoutMs: submission.timeout_ms ?? type.timeout_ms,
    queueTimeoutMs: submission.queue_timeout_ms ?? defaults.queueTimeoutMs,
    totalTimeoutMs: submission.total_timeout_ms ?? defaults.totalTimeoutMs,
    retry,
    createdAt: now,
    runAt: submission.run_at === undefined ? null : Date.parse(submission.run_at),
    deadline: submission.deadline === undefined ? null : Date.parse(submission.deadline),
    principal,
    idempotencyKey: submission.idempotency_key ?? null,
    traceparent,
  };
}

function definedOnly<T extends object>(value: T): { [K in keyof T]-?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as {
    [K in keyof T]-?: Exclude<T[K], undefined>;
  };
}

/** The first life of a task: due now, or at its `run_at`. */
export function firstLife(spec: TaskSpec, now: number): TaskLife {
  const readyAt = Math.max(now, spec.runAt ?? 0);
  const expiresAt = Math.min(readyAt + spec.totalTimeoutMs, spec.deadline ?? Infinity);
  return {
    state: readyAt > now ? 'scheduled' : 'accepted',
    revision: 1,
    reason: null,
    dueAt: readyAt,
    clockAt: Math.min(readyAt + spec.queueTimeoutMs, expiresAt),
    attempt: 0,
    dispatchNo: 0,
    settledNo: 0,
    earlierNo: 0,
    crashes: 0,
    placement: null,
    weeId: null,
    cancelRequested: false,
    announced: false,
    error: null,
    expiresAt,
    readyAt,
    queuedAt: null,
    startedAt: null,
    finishedAt: null,
  };
}

/** The same life, already sent once: what goes straight from the commit to the broker is written down so. */
export function sentStraight(life: TaskLife, leaseUntil: number): TaskLife {
  return { ...life, dispatchNo: 1, dueAt: leaseUntil };
}

/** An ended task that somebody wants tried again: its clocks and counts begin anew, its dispatches go on counting; a deadline that has passed no longer holds. */
export function retriedByHand({ spec, life }: TaskControl, now: number): TaskLife {
  const expiresAt = now + spec.totalTimeoutMs;
  const deadline = spec.deadline !== null && spec.deadline > now ? spec.deadline : Infinity;
  const fresh = next(unversioned(life), {
    state: 'accepted',
    reason: 'retried by hand',
    settledNo: life.dispatchNo,
    earlierNo: life.dispatchNo,
    dueAt: now,
    attempt: 0,
    crashes: 0,
    cancelRequested: false,
    announced: false,
    error: null,
    expiresAt: Math.min(expiresAt, deadline),
    readyAt: now,
    queuedAt: null,
    startedAt: null,
    finishedAt: null,
  });
  return { ...fresh, clockAt: startBy({ spec, life: fresh }) };
}
