import { type AcceptedTask, defaults, type Task } from '@tenma/protocol';
import { taskEndError } from './errors.ts';
import type { ResultWaiter } from './result-waiter.ts';
import type { TaskEvent } from './task-events.ts';

export interface CallOptions {
  signal?: AbortSignal;
}

export interface ResultOptions {
  /** How long to wait. Default: until the task must have ended, by its own clocks. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** A task, by its id; any process that knows the id can have one. */
export interface TaskHandle<Output = unknown> {
  readonly id: string;
  /** LE's answer to the submission; undefined for a handle made from an id. */
  readonly accepted: AcceptedTask | undefined;
  /**
   * What the task returned.
   * @throws TaskFailedError, TaskCancelledError, TaskExpiredError when it ended otherwise; ResultTimeoutError
   */
  result(options?: ResultOptions): Promise<Output>;
  /** The record once the task has ended, however it ended. @throws ResultTimeoutError */
  finished(options?: ResultOptions): Promise<Task>;
  /** The record as it is. Right after a submission it is there. */
  get(options?: CallOptions): Promise<Task>;
  /** Asks for the end of the task; a running one may take a moment. */
  cancel(options?: CallOptions): Promise<Task>;
  /** What happens to it, from its present state to its end. Broken connections are taken up again. */
  events(options?: CallOptions): AsyncIterable<TaskEvent>;
}

/** What a handle leans on. */
export interface TaskVerbs {
  waiter: ResultWaiter;
  get(id: string, options?: CallOptions): Promise<Task>;
  cancel(id: string, options?: CallOptions): Promise<Task>;
  events(id: string, options?: CallOptions): AsyncIterable<TaskEvent>;
}

export function createTaskHandle<Output>(
  id: string,
  verbs: TaskVerbs,
  accepted?: AcceptedTask,
): TaskHandle<Output> {
  const finished = ({ timeoutMs, signal }: ResultOptions = {}) => verbs.waiter.wait(id, timeoutMs, signal);
  return {
    id,
    accepted,
    finished,
    async result(options) {
      const task = await finished(options);
      if (task.state !== 'succeeded') throw taskEndError(task);
      // The worker's own schema has checked it, in WEE.
      return task.output as Output;
    },
    get: (options) => verbs.get(id, options),
    cancel: (options) => verbs.cancel(id, options),
    events: (options) => verbs.events(id, options),
  };
}

/** The wait for a task that LE does not answer about, and so does not say when it ends. */
export const unknownEndMs: number = defaults.totalTimeoutMs;
