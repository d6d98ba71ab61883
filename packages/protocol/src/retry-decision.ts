import type { TaskError } from './errors.ts';
import { defaults } from './limits.ts';

/**
 * Whether a failed attempt is the task's end. LE decides by it, and a WEE knows by it whether to announce the failure.
 * @param attempt the attempt that failed, from 1
 * @param crashes attempts that ended with the death of their process before this one
 */
export function isFinalFailure(
  error: TaskError,
  { attempt, max_attempts, crashes }: { attempt: number; max_attempts: number; crashes: number },
): boolean {
  if (!error.retryable || attempt >= max_attempts) return true;
  return error.code === 'worker_crashed' && crashes + 1 >= defaults.maxCrashes;
}
