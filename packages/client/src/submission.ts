import type { SubmissionInput } from '@tenma/protocol';

/**
 * When and where a task runs, and how hard it is tried: the fields of a submission as the API spells them. What is
 * left out is LE's or the task type's default.
 */
export interface SubmitOptions extends Omit<SubmissionInput, 'type' | 'input' | 'run_at' | 'deadline'> {
  /** Not before this moment. */
  run_at?: Date | string;
  /** Finished by then, or expired. */
  deadline?: Date | string;
  /** The same key and submission give the same task, now and later. Default: a new key for each call. */
  idempotency_key?: string;
  /** Ends the wait for LE's word. A submission that has left may still become a task. */
  signal?: AbortSignal;
}

export interface RunOptions extends SubmitOptions {
  /** How long to wait for the result. Default: until the task must have ended. */
  resultTimeoutMs?: number;
}

/**
 * The body that LE takes, as JSON text.
 * @throws TypeError for an input that JSON cannot carry
 */
export function submissionText(type: string, input: unknown, key: string, options: SubmitOptions): string {
  // Options may carry more than a submission does: those of `run` and `map` are the client's own.
  const { region, priority, run_at, timeout_ms, queue_timeout_ms, total_timeout_ms, deadline } = options;
  const { retry, requires, cost, near, limit, labels } = options;
  const clocks = { run_at, timeout_ms, queue_timeout_ms, total_timeout_ms, deadline };
  return JSON.stringify({
    type,
    input,
    region,
    priority,
    ...clocks,
    retry,
    requires,
    cost,
    near,
    limit,
    labels,
    idempotency_key: key,
  });
}
