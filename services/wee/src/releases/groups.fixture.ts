import { type Json, type TaskType, taskError } from '@tenma/protocol';
import type { WorkerVersion } from '@tenma/worker/messages';
import type { AttemptRequest, Outcome, StartedAttempt, WorkerGroup } from '../processes/interfaces.ts';
import type { VersionedRequest } from './interfaces.ts';

/** What a version does with an input; it throws to fail, and {@link Refusal} to refuse it. */
export type Behaviour = (input: Json, signal: AbortSignal) => Json | Promise<Json>;

export class Refusal extends Error {}

export interface TestGroup extends WorkerGroup {
  disposed: boolean;
  /** Attempts it was given. */
  taken: number;
  /** Attempts that ran when it was disposed of. */
  cutOff: number;
  /** Lets {@link WorkerGroup.ready} end; with an error, badly. */
  open(error?: Error): void;
  /** Its process is gone, and none can be started until it is opened again. */
  lose(why: string): void;
}

export interface TestGroups {
  /** The newest of each version. */
  readonly of: Map<string, TestGroup>;
  readonly create: (worker: WorkerVersion) => WorkerGroup;
}

/** Groups that run functions in this process. Versions in `closed` are ready when the test opens them. */
export function testGroups(
  behaviours: Readonly<Record<string, Behaviour>>,
  closed: string[] = [],
): TestGroups {
  const of = new Map<string, TestGroup>();
  return {
    of,
    create(worker) {
      const { version } = worker.type;
      const group = testGroup(worker, behaviours[version] ?? ((input) => input));
      of.set(version, group);
      if (!closed.includes(version)) group.open();
      return group;
    },
  };
}

function testGroup(worker: WorkerVersion, behaviour: Behaviour): TestGroup {
  let opening = Promise.withResolvers<void>();
  opening.promise.catch(() => undefined);
  let isReady = false;
  let lost: string | null = null;
  const group: TestGroup = {
    worker,
    processes: 1,
    running: 0,
    busy: 0,
    disposed: false,
    taken: 0,
    cutOff: 0,
    open(error) {
      isReady = error === undefined;
      if (isReady) lost = null;
      Object.assign(group, { processes: lost === null ? 1 : 0 });
      if (error) opening.reject(error);
      else opening.resolve();
    },
    lose(why) {
      lost = why;
      Object.assign(group, { processes: 0 });
      opening = Promise.withResolvers();
      opening.promise.catch(() => undefined);
      opening.reject(new Error(why));
    },
    async ready() {
      const under = opening.promise;
      await under.catch((error: unknown) => {
        opening = Promise.withResolvers();
        opening.promise.catch(() => undefined);
        throw error;
      });
    },
    start(request): StartedAttempt {
      if (!isReady || group.disposed) throw new Error(`${worker.type.version} is not ready`);
      if (lost !== null) {
        const outcome: Outcome = { outcome: 'failed', error: taskError('worker_crashed', lost) };
        return { ended: Promise.resolve(outcome), cancel: () => undefined };
      }
      const controller = new AbortController();
      group.taken += 1;
      Object.assign(group, { running: group.running + 1 });
      const ended = outcomeOf(behaviour, request, controller.signal).finally(() =>
        Object.assign(group, { running: group.running - 1 }),
      );
      return { ended, cancel: () => controller.abort() };
    },
    estimate: (input) => Promise.resolve(Number(input)),
    compare: (before, after) => Promise.resolve(JSON.stringify(before) === JSON.stringify(after)),
    async [Symbol.asyncDispose]() {
      group.disposed = true;
      group.cutOff = group.running;
    },
  };
  return group;
}

async function outcomeOf(
  behaviour: Behaviour,
  { run }: AttemptRequest,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    const output = await behaviour(run.input, signal);
    return { outcome: 'succeeded', output };
  } catch (error) {
    if (signal.aborted) return { outcome: 'cancelled' };
    const refused = error instanceof Refusal;
    const told = taskError(refused ? 'invalid_input' : 'worker_error', (error as Error).message);
    // The worker says that another attempt would not help.
    return { outcome: 'failed', error: { ...told, retryable: false }, ...(refused ? { refused } : {}) };
  }
}

export function taskType(type: string, version: string, changes: Partial<TaskType> = {}): TaskType {
  return {
    type,
    version,
    description: '',
    input_schema: {},
    output_schema: {},
    timeout_ms: 1_000,
    retry: { max_attempts: 3, initial_ms: 0, factor: 1, cap_ms: 0 },
    cost: 'light',
    ...changes,
  };
}

export function workerVersion(version: string, changes: Partial<TaskType> = {}): WorkerVersion {
  return { specifier: `pack-${version}`, type: taskType('echo', version, changes) };
}

export function request(input: Json, changes: Partial<VersionedRequest> = {}): VersionedRequest {
  return {
    run: { type: 'echo', input, task_id: 'task', attempt: 1, idempotency_key: 'key', region: 'here' },
    slots: 1,
    timeoutMs: 1_000,
    maxAttempts: 3,
    onProgress: () => undefined,
    onRestart: () => undefined,
    ...changes,
  };
}
