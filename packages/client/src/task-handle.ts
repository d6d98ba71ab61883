import { type AcceptedTask, defaults, type Json, type OutputRef, type Task } from '@tenma/protocol';
import { ResultTimeoutError, taskEndError } from './errors.ts';
import { linkSignals } from './patience.ts';
import type { ResultWaiter } from './result-waiter.ts';
import type { RunOptions } from './submission.ts';
import type { TaskEvent } from './task-events.ts';

export interface CallOptions {
  signal?: AbortSignal;
}

export interface ResultOptions {
  /** How long to wait, for an output by reference too. Default: until the task must have ended, by its own clocks. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** What a call that submits and waits says of its wait. */
export function resultOptions({ resultTimeoutMs, signal }: RunOptions): ResultOptions {
  return {
    ...(resultTimeoutMs === undefined ? {} : { timeoutMs: resultTimeoutMs }),
    ...(signal === undefined ? {} : { signal }),
  };
}

/** A task, by its id; any process that knows the id can have one. */
export interface TaskHandle<Output = unknown> {
  readonly id: string;
  /** LE's answer to the submission; undefined for a handle made from an id. */
  readonly accepted: AcceptedTask | undefined;
  /**
   * What the task returned, also where the record only refers to it.
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
  /** The output that a reference stands for. */
  output(ref: OutputRef, signal: AbortSignal): Promise<Json>;
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
    async result(options = {}) {
      const { timeoutMs, signal } = options;
      // From here on: what the task has taken is not there for its output.
      using linked = linkSignals([signal], timeoutMs);
      const task = await finished(options);
      if (task.state !== 'succeeded') throw taskEndError(task);
      try {
        const ref = task.output_ref;
        const output = ref ? await verbs.output(ref, linked.signal) : task.output;
        // The worker's own schema has checked it, in WEE.
        return output as Output;
      } catch (error) {
        if (timeoutMs === undefined || !linked.timedOut) throw error;
        throw new ResultTimeoutError(id, timeoutMs, task, error);
      }
    },
    get: (options) => verbs.get(id, options),
    cancel: (options) => verbs.cancel(id, options),
    events: (options) => verbs.events(id, options),
  };
}

/** The wait for a task that LE does not answer about, and so does not say when it ends. */
export const unknownEndMs: number = defaults.totalTimeoutMs;
