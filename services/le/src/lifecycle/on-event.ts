import {
  defaults,
  type FinishedEvent,
  isFinalFailure,
  isTerminal,
  type QueuedEvent,
  type ReturnedEvent,
  type StartedEvent,
  type TaskError,
  type TaskEvent,
  taskError,
  type WaitingEvent,
} from '@tenma/protocol';
import { fullJitterMs } from '@tenma/runtime';
import type { TaskControl, TaskLife } from '@tenma/store';
import { cancelled, end, type Moment, next, type Step, startBy, unversioned } from './step.ts';

/** A WEE that should have reported an attempt gets this much longer than its timeout and the grace of its abort. */
const reportMarginMs = 10_000;
const placementRetryMaxMs = 30_000;
const voidedReason = 'given back by its pool: voided';

/**
 * What an event of the journal makes of a task; null when it changes nothing: it is late, repeated, or of a dispatch or
 * attempt that another one has overtaken. The first end wins.
 */
export function onEvent(control: TaskControl, event: TaskEvent, moment: Moment): Step | null {
  if (isTerminal(control.life.state) || event.dispatch_no <= control.life.earlierNo) return null;
  switch (event.kind) {
    case 'queued':
      return onQueued(control, event, moment);
    case 'waiting':
      return onWaiting(control, event, moment);
    case 'started':
      return onStarted(control, event, moment);
    case 'finished':
      return onFinished(control, event, moment);
    case 'returned':
      return onReturned(control, event, moment);
  }
}

/** IC speaks of the dispatch that is out, and nobody has spoken of it before. */
function isNews(life: TaskLife, { dispatch_no }: TaskEvent): boolean {
  return dispatch_no === life.dispatchNo && dispatch_no > life.settledNo;
}

function onQueued(control: TaskControl, event: QueuedEvent, { now }: Moment): Step | null {
  const { life } = control;
  if (!isNews(life, event)) return null;
  return {
    life: next(life, {
      state: 'queued',
      readyAt: readySince(life, now),
      settledNo: event.dispatch_no,
      // Remembered until it starts, so that it is not sent to and fro.
      reason: life.reason === voidedReason ? life.reason : null,
      placement: event.placement,
      queuedAt: event.at,
      dueAt: null,
      clockAt: Math.min(startBy(control), now + defaults.heartbeatLostMs),
    }),
  };
}

/** An attempt that was under way when it had to be sent again has used up none of its new queue time. */
function readySince(life: TaskLife, now: number): number {
  return life.state === 'running' ? now : life.readyAt;
}

/** How long until IC is asked again: the longer it has waited, the less often; a WEE that appears wakes it anyway. */
function placementRetry(life: TaskLife, now: number): number {
  return Math.min(placementRetryMaxMs, Math.max(defaults.placementRetryMs, (now - life.readyAt) / 4));
}

function onWaiting(control: TaskControl, event: WaitingEvent, { now }: Moment): Step | null {
  const { life } = control;
  if (!isNews(life, event)) return null;
  const readyAt = readySince(life, now);
  const dueAt = Math.round(now + placementRetry({ ...life, readyAt }, now));
  const { dispatch_no: settledNo, reason } = event;
  const clockAt = startBy(control);
  return { life: next(life, { state: 'waiting', readyAt, settledNo, reason, dueAt, clockAt }) };
}

function onStarted({ spec, life }: TaskControl, event: StartedEvent, { now }: Moment): Step | null {
  if (event.attempt < life.attempt) return null;
  const repeated = event.wee_id === life.weeId && event.at <= (life.startedAt ?? 0);
  if (event.attempt === life.attempt && (life.state !== 'running' || repeated)) return null;
  // On our own clock: the WEE's may be off.
  const reportBy = now + spec.timeoutMs + defaults.abortGraceMs + reportMarginMs;
  return {
    life: next(unversioned(life), {
      state: 'running',
      settledNo: Math.max(life.settledNo, event.dispatch_no),
      reason: null,
      placement: event.placement,
      queuedAt: event.queued_at,
      attempt: event.attempt,
      weeId: event.wee_id,
      startedAt: event.at,
      dueAt: null,
      clockAt: Math.min(reportBy, life.expiresAt),
    }),
  };
}

function onFinished(control: TaskControl, event: FinishedEvent, moment: Moment): Step | null {
  const { life } = control;
  const ran: TaskLife = {
    ...unversioned(life),
    settledNo: Math.max(life.settledNo, event.dispatch_no),
    placement: event.placement,
    queuedAt: event.queued_at,
    attempt: Math.max(life.attempt, event.attempt),
    weeId: event.wee_id,
    ...(event.version === undefined ? {} : { workerVersion: event.version }),
    startedAt: event.started_at,
  };
  if (event.outcome === 'succeeded') {
    const kept = event.output_ref === undefined ? ran : { ...ran, outputRef: event.output_ref };
    const succeeded = end(kept, {
      state: 'succeeded',
      at: event.at,
      error: null,
      announced: event.announced,
    });
    return { life: succeeded, output: event.output ?? null };
  }
  // A failure of an attempt that is already settled says nothing new.
  const settled =
    event.attempt < life.attempt || (event.attempt === life.attempt && life.state !== 'running');
  if (settled) return null;
  if (event.outcome === 'cancelled') {
    if (life.cancelRequested) return { life: cancelled(ran, event.at) };
    // It was aborted because another dispatch takes its place: that one counts.
    if (event.dispatch_no < life.dispatchNo || life.dueAt !== null) return null;
  }
  const error =
    event.error ?? taskError('worker_lost', 'the attempt was aborted, and nobody had asked for it');
  return { life: afterFailure({ ...control, life: ran }, error, event.announced, moment) };
}

/** The attempt failed: the task ends, or is due again after its backoff. */
function afterFailure(
  { spec, life }: TaskControl,
  error: TaskError,
  announced: boolean,
  moment: Moment,
): TaskLife {
  const { attempt, crashes: before } = life;
  const final = isFinalFailure(error, { attempt, max_attempts: spec.retry.max_attempts, crashes: before });
  const crashes = before + (error.code === 'worker_crashed' ? 1 : 0);
  // What is announced has happened, whatever was asked for meanwhile.
  if (life.cancelRequested && !(final && announced)) return cancelled(life, moment.now);
  if (final) return end({ ...life, crashes }, { state: 'failed', at: moment.now, error, announced });
  const { initial_ms: initialMs, factor, cap_ms: capMs } = spec.retry;
  const dueAt = moment.now + fullJitterMs({ initialMs, factor, capMs }, attempt, moment.random);
  const retrying = next(life, {
    state: 'retrying',
    reason: `attempt ${attempt} failed: ${error.message}`,
    error,
    crashes,
    dueAt,
    readyAt: dueAt,
  });
  return { ...retrying, clockAt: startBy({ spec, life: retrying }) };
}

/** The WEE that runs it is gone, or never reported. */
export function onLost(control: TaskControl, message: string, moment: Moment): Step | null {
  if (control.life.state !== 'running') return null;
  const life = { ...control.life, settledNo: control.life.dispatchNo };
  return { life: afterFailure({ ...control, life }, taskError('worker_lost', message), false, moment) };
}

/**
 * Given back because `active` has moved, it is placed anew at once. Given back so once more, it is sent under an epoch
 * that is out of date, and waits until LE has caught up.
 */
function onReturned(control: TaskControl, event: ReturnedEvent, { now }: Moment): Step | null {
  const { life } = control;
  if (event.dispatch_no !== life.dispatchNo || !(life.state === 'queued' || isNews(life, event))) return null;
  const reason = event.reason === 'voided' ? voidedReason : `given back by its pool: ${event.reason}`;
  const atOnce = event.reason === 'voided' && life.reason !== voidedReason;
  const { dispatch_no: settledNo } = event;
  return {
    life: next(life, {
      state: 'waiting',
      settledNo,
      reason,
      dueAt: atOnce ? now : now + defaults.placementRetryMs,
      clockAt: startBy(control),
    }),
  };
}
