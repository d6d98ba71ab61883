import { defaults, type ErrorCode, isTerminal, taskError } from '@tenma/protocol';
import type { TaskControl } from '@tenma/store';
import { onLost } from './on-event.ts';
import { cancelled, end, type Moment, next, type Step, startBy } from './step.ts';

/** What LE knows of the pool in whose queue a task stands. */
export interface PoolSight {
  /** Some WEE serves it. */
  readonly alive: boolean;
  /** It has taken a task that was queued this late; null while unknown. */
  readonly takenUpTo: number | null;
}

/** Tasks are taken about in order; one this much older than what was taken last has been passed over. */
const passedOverMs = 30_000;

/** A clock of the task has run out. Null when there is nothing to do yet, which only a stale view causes. */
export function onClock(control: TaskControl, pool: PoolSight | null, moment: Moment): Step | null {
  const { life } = control;
  const { now } = moment;
  if (isTerminal(life.state) || life.clockAt === null || life.clockAt > now) return null;
  if (now >= life.expiresAt) {
    return life.cancelRequested
      ? { life: cancelled(life, now) }
      : expire(control, 'deadline_exceeded', 'the task did not finish in its time', now);
  }
  if (life.state === 'running') {
    const silent = `${life.weeId ?? 'the worker'} did not report the end of the attempt`;
    return life.cancelRequested ? { life: cancelled(life, now) } : onLost(control, silent, moment);
  }
  if (now >= startBy(control)) {
    const why = life.state === 'waiting' && life.reason ? `: ${life.reason}` : '';
    return expire(control, 'queue_timeout', `the task did not start in its queue time${why}`, now);
  }
  return life.state === 'queued' ? checkQueued(control, pool, now) : null;
}

function expire({ life }: TaskControl, code: ErrorCode, message: string, now: number): Step {
  return {
    life: end(life, { state: 'expired', at: now, error: taskError(code, message), announced: false }),
  };
}

/** Still in the queue of a pool after a while: sent again if the pool is gone or has passed it over. */
function checkQueued(control: TaskControl, pool: PoolSight | null, now: number): Step {
  const { life } = control;
  const passedOver = (pool?.takenUpTo ?? 0) > (life.queuedAt ?? now) + passedOverMs;
  if (pool && (!pool.alive || passedOver)) {
    const reason = pool.alive ? 'its pool has passed it over' : 'its pool has no worker any more';
    const settledNo = life.dispatchNo;
    return {
      life: next(life, { state: 'waiting', settledNo, reason, dueAt: now, clockAt: startBy(control) }),
    };
  }
  return { life: next(life, { clockAt: Math.min(startBy(control), now + defaults.heartbeatLostMs) }) };
}
