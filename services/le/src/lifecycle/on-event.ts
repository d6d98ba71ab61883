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
import { cancelled, end, type Moment, next, type Step, startBy } from './step.ts';

/** A WEE that should have reported an attempt gets this much longer than its timeout and the grace of its abort. */
const reportMarginMs = 10_000;

/**
 * What an event of the journal makes of a task; null when it changes nothing: it is late, repeated, or of a dispatch or
 * attempt that another one has overtaken. The first end wins.
 */
export function onEvent(control: TaskControl, event: TaskEvent, moment: Moment): Step | null {
  if (isTerminal(control.life.state)) return null;
  switch (event.kind) {
    case 'queued':
      return onQueued(control, event, moment);
    case 'waiting':
      return onWaiting(control, event, moment);
    case 'started':
      return onStarted(control, event);
    case 'finished':
      return onFinished(control, event, moment);
    case 'returned':
      return onReturned(control, event, moment);
  }
}

function onQueued(control: TaskControl, event: QueuedEvent, { now }: Moment): Step | null {
  const { life } = control;
  if (event.dispatch_no !== life.dispatchNo || life.state === 'queued') return null;
  if (life.state === 'running' && life.dueAt === null) return null;
  return {
    life: next(life, {
      state: 'queued',
      reason: null,
      placement: event.placement,
      queuedAt: event.at,
      dueAt: null,
      clockAt: Math.min(startBy(control), now + defaults.heartbeatLostMs),
    }),
  };
}

function onWaiting(control: TaskControl, event: WaitingEvent, { now }: Moment): Step | null {
  const { life } = control;
  if (event.dispatch_no !== life.dispatchNo || (life.state === 'running' && life.dueAt === null)) return null;
  const dueAt = now + defaults.placementRetryMs;
  return { life: next(life, { state: 'waiting', reason: event.reason, dueAt, clockAt: startBy(control) }) };
}

function onStarted({ spec, life }: TaskControl, event: StartedEvent): Step | null {
  if (event.attempt < life.attempt) return null;
  if (event.attempt === life.attempt && (life.state !== 'running' || life.weeId === event.wee_id))
    return null;
  const reportBy = event.at + spec.timeoutMs + defaults.abortGraceMs + reportMarginMs;
  return {
    life: next(life, {
      state: 'running',
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
    ...life,
    placement: event.placement,
    queuedAt: event.queued_at,
    attempt: Math.max(life.attempt, event.attempt),
    weeId: event.wee_id,
    startedAt: event.started_at,
  };
  if (event.outcome === 'succeeded') {
    const succeeded = end(ran, { state: 'succeeded', at: event.at, error: null, announced: event.announced });
    return { life: succeeded, output: event.output ?? null };
  }
  // A failure of an attempt that is already settled says nothing new.
  const settled =
    event.attempt < life.attempt || (event.attempt === life.attempt && life.state !== 'running');
  if (settled) return null;
  if (event.outcome === 'cancelled') return { life: cancelled(ran, event.at) };
  const error = event.error ?? taskError('worker_error', 'the worker gave no reason');
  return { life: afterFailure({ ...control, life: ran }, error, event.announced, moment) };
}

/** The attempt failed: the task ends, or is due again after its backoff. */
function afterFailure(
  { spec, life }: TaskControl,
  error: TaskError,
  announced: boolean,
  moment: Moment,
): TaskLife {
  if (life.cancelRequested) return cancelled(life, moment.now);
  const { attempt, crashes: before } = life;
  const final = isFinalFailure(error, { attempt, max_attempts: spec.retry.max_attempts, crashes: before });
  const crashes = before + (error.code === 'worker_crashed' ? 1 : 0);
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
  return { life: afterFailure(control, taskError('worker_lost', message), false, moment) };
}

function onReturned(control: TaskControl, event: ReturnedEvent, { now }: Moment): Step | null {
  const { life } = control;
  if (event.dispatch_no !== life.dispatchNo || life.state === 'running') return null;
  const reason = `given back by its pool: ${event.reason}`;
  return { life: next(life, { state: 'waiting', reason, dueAt: now, clockAt: startBy(control) }) };
}
