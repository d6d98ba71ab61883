import { isTerminal, type Problem, type Task, type TaskError } from '@tenma/protocol';

/** Where no answer of LE says better. */
const clientFaults = {
  unreachable: {
    retryable: true,
    hint: 'Check that Tenma runs and that the URL is right; `npm start` starts it here.',
  },
  bad_response: { retryable: false, hint: 'Check that the URL is that of a Tenma API.' },
  result_timeout: {
    retryable: true,
    hint: 'Ask for the result again, by the id of the task; if it is waiting, start a WEE that can take it.',
  },
  client_closed: { retryable: false, hint: 'Make a new client.' },
} as const;

export interface TenmaErrorParts {
  code: string;
  retryable: boolean;
  hint: string;
  /** HTTP status; absent when no answer came or no request was the cause. */
  status?: number | undefined;
  /** What LE answered. */
  problem?: Problem | undefined;
  cause?: unknown;
}

/**
 * Everything this client throws but the reason of a caller's own AbortSignal. `code` is stable: of the catalogue
 * in @tenma/protocol, a worker's own, or `unreachable`, `bad_response`, `result_timeout`, `client_closed`.
 */
export class TenmaError extends Error {
  override readonly name: string = 'TenmaError';
  readonly code: string;
  /** The same call may succeed later. */
  readonly retryable: boolean;
  /** What the reader can do about it. */
  readonly hint: string;
  readonly status: number | undefined;
  readonly problem: Problem | undefined;

  constructor(message: string, parts: TenmaErrorParts) {
    super(message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.code = parts.code;
    this.retryable = parts.retryable;
    this.hint = parts.hint;
    this.status = parts.status;
    this.problem = parts.problem;
  }
}

/** LE refused the request: `problem` says why, and where. */
export class RequestError extends TenmaError {
  override readonly name = 'RequestError';
  declare readonly status: number;
  declare readonly problem: Problem;

  constructor(problem: Problem) {
    const faults = (problem.errors ?? []).map((fault) => `${fault.pointer} ${fault.detail}`);
    super([problem.detail, ...faults].join('; '), { ...problem, problem });
  }
}

/** No answer came in the time allowed. Whether the request arrived is unknown. */
export class UnreachableError extends TenmaError {
  override readonly name = 'UnreachableError';

  constructor(message: string, cause?: unknown) {
    super(message, { code: 'unreachable', ...clientFaults.unreachable, cause });
  }
}

/** An answer came that no Tenma API gives. */
export class BadResponseError extends TenmaError {
  override readonly name = 'BadResponseError';

  constructor(message: string, status: number, cause?: unknown) {
    super(message, { code: 'bad_response', ...clientFaults.bad_response, status, cause });
  }
}

export class ClientClosedError extends TenmaError {
  override readonly name = 'ClientClosedError';

  constructor() {
    super('The client was closed', { code: 'client_closed', ...clientFaults.client_closed });
  }
}

/** The task ended, and not in success. */
class TaskEndError extends TenmaError {
  readonly taskId: string;
  readonly task: Task;
  /** What the worker attached to its error. */
  readonly details: TaskError['details'];

  constructor(task: Task, fallback: { code: string; hint: string }) {
    const error = task.error;
    super(
      `Task ${task.id} (${task.type}) ${task.state}: ${error?.message ?? task.reason ?? 'no reason given'}`,
      {
        code: error?.code ?? fallback.code,
        retryable: error?.retryable ?? false,
        hint: fallback.hint,
      },
    );
    this.taskId = task.id;
    this.task = task;
    this.details = error?.details;
  }
}

/** All attempts failed, or one did in a way that is not worth another. */
export class TaskFailedError extends TaskEndError {
  override readonly name = 'TaskFailedError';
  /** The class of what the worker threw. */
  readonly remoteName: string | undefined;

  constructor(task: Task) {
    super(task, {
      code: 'worker_error',
      hint: `Read \`task.error\`; retry by hand with retry('${task.id}').`,
    });
    this.remoteName = task.error?.name;
  }
}

export class TaskCancelledError extends TaskEndError {
  override readonly name = 'TaskCancelledError';

  constructor(task: Task) {
    super(task, { code: 'cancelled', hint: `If that was a mistake: retry('${task.id}').` });
  }
}

/** The task did not start or finish in the time it had. */
export class TaskExpiredError extends TaskEndError {
  override readonly name = 'TaskExpiredError';

  constructor(task: Task) {
    super(task, { code: 'deadline_exceeded', hint: 'Add workers, or give the task more time.' });
  }
}

/** The wait for a result ended; the task did not, or its output has not come. */
export class ResultTimeoutError extends TenmaError {
  override readonly name = 'ResultTimeoutError';
  readonly taskId: string;
  /** As last seen, if it was seen. */
  readonly task: Task | undefined;

  constructor(taskId: string, waitedMs: number, task: Task | undefined, cause?: unknown) {
    super(`No result within ${Math.round(waitedMs)} ms: task ${taskId} ${stateText(task)}`, {
      code: 'result_timeout',
      ...clientFaults.result_timeout,
      cause,
    });
    this.taskId = taskId;
    this.task = task;
  }
}

function stateText(task: Task | undefined): string {
  if (task === undefined) return 'was not seen';
  if (isTerminal(task.state)) return `has ${task.state}, and its output is still on its way`;
  return `is still ${task.state}${task.reason ? ` (${task.reason})` : ''}`;
}

/** The error of a task that ended without success. */
export function taskEndError(task: Task): TenmaError {
  if (task.state === 'cancelled') return new TaskCancelledError(task);
  if (task.state === 'expired') return new TaskExpiredError(task);
  return new TaskFailedError(task);
}
