import { setTimeout as pause } from 'node:timers/promises';
import { type Deadline, startDeadline } from '../deadline.ts';
import { downBecauseOf } from '../failure-reason.ts';
import type { Dialled } from './dial.ts';
import { NotAnEcho } from './echo-connection.ts';
import { connectSampler, echoSampler, type Sampler } from './samplers.ts';

export interface Plan extends Dialled {
  readonly method: 'echo' | 'connect';
  readonly samples: number;
  readonly spacingMs: number;
}

export interface Measured {
  /** Round trips, in the order they were taken. */
  readonly samplesMs: readonly number[];
  /** Why the first sample that is missing is missing; null when none is. */
  readonly reason: string | null;
}

/** A target that loses so many in a row is given up: a silent one does not hold up the others for all its samples. */
const lostInARowMax = 3;

/**
 * Takes the samples of one target, one after the other. Resolves whatever the target does, and when `budget` is over,
 * with what there is; rejects only when `attempt`, from which the budget is made, is aborted.
 */
export async function measure(plan: Plan, budget: Deadline, attempt: AbortSignal): Promise<Measured> {
  using sampler = plan.method === 'echo' ? echoSampler(plan) : connectSampler(plan);
  const samplesMs: number[] = [];
  let reason: string | null = null;
  let lostInARow = 0;
  for (let asked = 0; asked < plan.samples && lostInARow < lostInARowMax; asked += 1) {
    if (asked > 0) await pause(plan.spacingMs, undefined, { signal: budget.signal }).catch(() => undefined);
    const sample = budget.expired() ? 'out_of_time' : await take(sampler, plan.timeoutMs, budget.signal);
    attempt.throwIfAborted();
    if (typeof sample === 'number') {
      samplesMs.push(sample);
      lostInARow = 0;
    } else {
      reason ??= budget.expired() ? 'out_of_time' : sample;
      lostInARow += 1;
    }
  }
  return { samplesMs, reason };
}

/** One sample, or why there is none. */
async function take(sampler: Sampler, timeoutMs: number, signal: AbortSignal): Promise<number | string> {
  using deadline = startDeadline(signal, timeoutMs);
  try {
    return await sampler.sample(deadline.signal);
  } catch (error) {
    if (deadline.expired()) return 'timeout';
    return error instanceof NotAnEcho ? 'echo_mismatch' : downBecauseOf(error).reason;
  }
}
