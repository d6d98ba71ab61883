import { ResultTimeoutError, TenmaError, taskEndError, UnreachableError } from '@tenma/client';
import type { Problem, Task } from '@tenma/protocol';

/** The command line, or the environment, does not say what to do. Nothing was sent. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly hint: string;

  constructor(message: string, hint = 'See --help.') {
    super(message);
    this.hint = hint;
  }
}

/** Ctrl-C while waiting: the command has let go, the task goes on. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** The task that was waited for ended without success. */
export class TaskUnsuccessfulError extends Error {
  override readonly name = 'TaskUnsuccessfulError';
  override readonly cause: TenmaError;
  readonly hint: string;

  constructor(task: Task) {
    const cause = taskEndError(task);
    super(cause.message);
    this.cause = cause;
    this.hint = hintOfEnd(task);
  }
}

function hintOfEnd({ id, type, error }: Task): string {
  const look = `See everything about it: tenma task get ${id}; try it again: tenma task retry ${id}`;
  if (error?.code !== 'queue_timeout') return look;
  return `Start a WEE that can take ${type}, or more of them (tenma pool ls shows who does). ${look}`;
}

/** The wait for its end is over: where it waits for a WEE, asking again alone brings nothing. */
export function hintOfWait(id: string, task: Task | undefined): string {
  const follow = `Follow it: tenma task watch ${id}`;
  if (task?.state !== 'waiting') return follow;
  return `Start a WEE that can take ${task.type}; tenma task explain ${id} says what is missing. ${follow}`;
}

/**
 * For a change that is sent once: a lost answer, or one from an LE whose store was lost, leaves open whether it was made.
 * @param look the command that tells
 */
export function mayHaveHappened(error: unknown, look: string): unknown {
  const open =
    error instanceof UnreachableError || (error instanceof TenmaError && (error.status ?? 0) >= 500);
  if (!open) return error;
  const { message, code, retryable, status } = error;
  const hint = `It may have been done all the same: look at ${look} before you repeat it.`;
  return new TenmaError(message, { code, retryable, status, hint, cause: error });
}

/** Any error in the one shape that `--json` prints. A `status` of 0 says that no HTTP answer is behind it. */
export function problemOf(error: unknown): Problem {
  if (error instanceof TenmaError) {
    const { code, status = 0, retryable, message } = error;
    const hint = error instanceof ResultTimeoutError ? hintOfWait(error.taskId, error.task) : error.hint;
    return (
      error.problem ?? problemWith({ code, status, retryable, hint, detail: message, title: error.name })
    );
  }
  if (error instanceof TaskUnsuccessfulError) {
    const { code, retryable } = error.cause;
    return problemWith({ code, retryable, hint: error.hint, detail: error.message, title: error.cause.name });
  }
  if (error instanceof UsageError) return said(error, 'usage', 'The command line is wrong');
  if (error instanceof InterruptedError) return said(error, 'interrupted', 'Interrupted');
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return problemWith({ code: 'unexpected', title: 'A fault in the CLI', detail, hint: 'Please report it.' });
}

function said(error: UsageError | InterruptedError, code: string, title: string): Problem {
  return problemWith({ code, title, detail: error.message, hint: error.hint });
}

function problemWith(parts: Pick<Problem, 'code' | 'title' | 'detail' | 'hint'> & Partial<Problem>): Problem {
  return { type: `urn:tenma:problem:${parts.code}`, status: 0, retryable: false, ...parts };
}
