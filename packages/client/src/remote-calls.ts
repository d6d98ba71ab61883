import type { AcceptedTask } from '@tenma/protocol';
import { slotsFor } from './cost.ts';
import type { InputOf, OutputOf, TaskDefinition, TaskTypeRef } from './definition.ts';
import { TenmaError } from './errors.ts';
import { type MapJob, type MapOptions, type MapResult, runAll } from './map.ts';
import { asThrown } from './remote-error.ts';
import type { RunOptions, SubmitOptions } from './submission.ts';
import { resultOptions, type TaskHandle } from './task-handle.ts';

/** What all calls of a worker share; a call's own options come before them. */
export type WorkerDefaults = Omit<RunOptions, 'idempotency_key' | 'signal'>;

/** A worker whose methods run elsewhere. */
export interface RemoteWorker<Definition extends TaskDefinition> {
  readonly type: string;
  /** Runs it there as if it ran here: see `client.execute`. */
  execute(this: void, input: InputOf<Definition>, options?: RunOptions): Promise<OutputOf<Definition>>;
  /**
   * Many inputs; the answers stand in their order, errors as the class they were thrown as. A task that fails does not
   * end the others; the signal, or an input that cannot be sent, cancels all of them.
   */
  map(
    this: void,
    inputs: Iterable<InputOf<Definition>>,
    options?: MapOptions,
  ): Promise<MapResult<OutputOf<Definition>, Error>[]>;
  /** Resolves with a handle when LE has written the task down. */
  submit(
    this: void,
    input: InputOf<Definition>,
    options?: SubmitOptions,
  ): Promise<TaskHandle<OutputOf<Definition>>>;
  /**
   * Slots that an attempt with this input takes, of the 100 of a process. Asks nobody.
   * @throws TypeError for an input that does not fit
   */
  estimateCost(this: void, input: InputOf<Definition>): Promise<number>;
}

/** Workers by names of the caller's choice. */
export type WorkerGroup = Readonly<Record<string, TaskDefinition>>;

/** Each worker of a group as one function. */
export type RemoteFunctions<Group extends WorkerGroup> = {
  readonly [Name in keyof Group]: (
    this: void,
    input: InputOf<Group[Name]>,
    options?: RunOptions,
  ) => Promise<OutputOf<Group[Name]>>;
};

/** Calls that run elsewhere as if they ran here. */
export interface RemoteCalls {
  /**
   * Submits, waits, and returns the output. The signal also cancels the task, even one whose submission is under way, and
   * its reason is thrown. With an `idempotency_key` of the caller's the task goes on: it may be an earlier one, for which
   * others wait.
   * @throws what the worker threw, as the class it was thrown as where that is built in or stands in the definition's
   *   `errors`; else TaskFailedError. TaskCancelledError, TaskExpiredError, ResultTimeoutError (the task goes on)
   */
  execute<Type extends TaskTypeRef>(
    type: Type,
    input: InputOf<Type>,
    options?: RunOptions,
  ): Promise<OutputOf<Type>>;
  /** An object whose methods run elsewhere. */
  worker<Definition extends TaskDefinition>(
    definition: Definition,
    defaults?: WorkerDefaults,
  ): RemoteWorker<Definition>;
  /** Functions that run elsewhere, by the names that the group gives them. */
  worker<Group extends WorkerGroup>(group: Group, defaults?: WorkerDefaults): RemoteFunctions<Group>;
}

/** `onLate` is told of a task that was made after its caller had left. */
export type Submit = <Type extends TaskTypeRef>(
  type: Type,
  input: unknown,
  options?: SubmitOptions,
  onLate?: (task: AcceptedTask) => void,
) => Promise<TaskHandle<OutputOf<Type>>>;

/** @param cancel asks for the end of a task, without waiting for it */
export function createRemoteCalls(submit: Submit, cancel: (taskId: string) => void): RemoteCalls {
  /** A handle whose result is waited for by its caller alone: when that one leaves, the task has to end. */
  async function tied<Type extends TaskTypeRef>(type: Type, input: unknown, options: SubmitOptions) {
    // A key that was given may have found a task that somebody else submitted.
    if (options.idempotency_key !== undefined) return submit(type, input, options);
    const handle = await submit(type, input, options, ({ id }) => cancel(id));
    const result: typeof handle.result = async (waiting) => {
      try {
        return await handle.result(waiting);
      } catch (error) {
        if (options.signal?.aborted) cancel(handle.id);
        throw error;
      }
    };
    return { ...handle, result };
  }

  const execute: RemoteCalls['execute'] = async (type, input, options = {}) => {
    try {
      const handle = await tied(type, input, options);
      return await handle.result(resultOptions(options));
    } catch (error) {
      throw error instanceof TenmaError ? asThrown(type, error) : error;
    }
  };

  const remoteWorker = <Definition extends TaskDefinition>(
    definition: Definition,
    defaults: WorkerDefaults,
  ): RemoteWorker<Definition> => ({
    type: definition.type,
    execute: (input, options) => execute(definition, input, { ...defaults, ...options }),
    map(inputs, options) {
      const all = { ...defaults, ...options };
      return runAll<OutputOf<Definition>, Error>(
        jobsOf(inputs, all.region),
        all,
        ({ input }, signal) => tied(definition, input, { ...all, signal }),
        (error) => asThrown(definition, error),
      );
    },
    submit: (input, options) => submit(definition, input, { ...defaults, ...options }),
    estimateCost: (input) => slotsFor(definition, input),
  });

  function worker<Definition extends TaskDefinition>(
    definition: Definition,
    defaults?: WorkerDefaults,
  ): RemoteWorker<Definition>;
  function worker<Group extends WorkerGroup>(group: Group, defaults?: WorkerDefaults): RemoteFunctions<Group>;
  function worker(given: TaskDefinition | WorkerGroup, defaults: WorkerDefaults = {}): unknown {
    if (isDefinition(given)) return remoteWorker(given, defaults);
    const functions = Object.entries(given).map(([name, definition]) => {
      return [name, remoteWorker(definition, defaults).execute] as const;
    });
    return Object.fromEntries(functions);
  }

  return { execute, worker };
}

function* jobsOf(inputs: Iterable<unknown>, region: string | undefined): Generator<MapJob> {
  for (const input of inputs) yield { input, region };
}

function isDefinition(given: TaskDefinition | WorkerGroup): given is TaskDefinition {
  return typeof given.type === 'string';
}

/** Cancels the tasks of callers that have left. */
export interface Canceller {
  cancel(taskId: string): void;
  /** Resolves when all that were asked for are settled. */
  settled(): Promise<void>;
}

export function createCanceller(cancel: (taskId: string) => Promise<unknown>): Canceller {
  const underWay = new Set<Promise<unknown>>();
  return {
    cancel(taskId) {
      // The caller has its reason already. A task that cannot be cancelled has ended, or ends by its own clocks.
      const asked: Promise<unknown> = cancel(taskId)
        .catch(() => undefined)
        .finally(() => underWay.delete(asked));
      underWay.add(asked);
    },
    async settled() {
      await Promise.all(underWay);
    },
  };
}
