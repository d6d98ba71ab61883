import { createUuidV7 } from '@tenma/protocol';
import { createFabricCalls, createTaskCalls, type FabricCalls, type TaskCalls } from './calls.ts';
import { type InputOf, type OutputOf, type TaskTypeRef, typeName } from './definition.ts';
import { createGeoCalls, type GeoCalls } from './geo-calls.ts';
import { type MapJob, type MapOptions, type MapResult, runAll } from './map.ts';
import { type ClientClock, lifetime, systemClock } from './patience.ts';
import {
  createPolicyCalls,
  createScheduleCalls,
  type PolicyCalls,
  type ScheduleCalls,
} from './registry-calls.ts';
import { createResultWaiter } from './result-waiter.ts';
import { type SubmitOptions, submissionText } from './submission.ts';
import { type BatchOptions, createSubmitter } from './submitter.ts';
import { followTask } from './task-events.ts';
import {
  createTaskHandle,
  type ResultOptions,
  type TaskHandle,
  type TaskVerbs,
  unknownEndMs,
} from './task-handle.ts';
import { createTransport } from './transport.ts';

export interface ClientOptions {
  /** Of LE. Default `http://127.0.0.1:8080`. */
  url?: string;
  /** Sent as a bearer token. */
  token?: string;
  fetch?: typeof globalThis.fetch;
  /** How long a call is repeated while LE is away or refuses for the moment; 0: one try. Default 30 s. */
  retryForMs?: number;
  batch?: BatchOptions;
  /** Requests that wait for results at once. Default 64. */
  waits?: number;
  /** Uniform in [0, 1): the jitter of retries. */
  random?: () => number;
  /** Makes idempotency keys. Default: UUIDv7. */
  newKey?: () => string;
  clock?: ClientClock;
}

export interface RunOptions extends SubmitOptions {
  /** How long to wait for the result. Default: until the task must have ended. */
  resultTimeoutMs?: number;
}

/** Every call throws TenmaErrors, or the reason of the caller's signal. */
export interface Client extends FabricCalls, AsyncDisposable {
  /** Resolves when LE has written the task down. However often it had to be sent, it makes one task. */
  submit<Type extends TaskTypeRef>(
    type: Type,
    input: InputOf<Type>,
    options?: SubmitOptions,
  ): Promise<TaskHandle<OutputOf<Type>>>;
  /** Submits and waits for the result. */
  run<Type extends TaskTypeRef>(
    type: Type,
    input: InputOf<Type>,
    options?: RunOptions,
  ): Promise<OutputOf<Type>>;
  /** One input in many regions; the answers stand in the order of the regions. */
  map<Type extends TaskTypeRef>(
    type: Type,
    input: InputOf<Type>,
    options: MapOptions & { regions: readonly string[] },
  ): Promise<MapResult<OutputOf<Type>>[]>;
  /** Many inputs; the answers stand in their order. A task that fails does not end the others. */
  map<Type extends TaskTypeRef>(
    type: Type,
    inputs: Iterable<InputOf<Type>>,
    options?: MapOptions,
  ): Promise<MapResult<OutputOf<Type>>[]>;
  /** A handle on a task that was submitted before, here or elsewhere. Asks nothing yet. */
  task<Type extends TaskTypeRef = string>(id: string): TaskHandle<OutputOf<Type>>;
  readonly tasks: TaskCalls;
  /** Regions, nodes, latency, failover. */
  readonly geo: GeoCalls;
  readonly schedules: ScheduleCalls;
  readonly policies: PolicyCalls;
  /** Lets submissions under way end, then ends every wait with ClientClosedError. Tasks go on. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** A client of one LE, or of the balancer in front of many. Opens no connection before it is used. */
export function createClient(options: ClientOptions = {}): Client {
  const { clock = systemClock(), random = Math.random, retryForMs = 30_000 } = options;
  const newKey = options.newKey ?? createUuidV7(() => clock.now(), fillRandomly);
  const life = lifetime();
  const shared = { clock, random, retryForMs, closing: life.signal };
  const transport = createTransport({
    ...shared,
    url: options.url ?? 'http://127.0.0.1:8080',
    fetch: options.fetch ?? ((input, init) => fetch(input, init)),
    token: options.token,
  });
  const submitter = createSubmitter({ ...shared, transport, batch: options.batch ?? {} });
  const tasks = createTaskCalls(transport);
  const waits = { concurrency: options.waits ?? 64, defaultTimeoutMs: unknownEndMs };
  const verbs: TaskVerbs = {
    ...tasks,
    waiter: createResultWaiter({ ...shared, ...waits, transport }),
    events: (id, { signal } = {}) =>
      followTask(id, { ...shared, transport, signal, get: (task) => tasks.get(task) }),
  };

  async function submit<Type extends TaskTypeRef>(
    type: Type,
    input: unknown,
    submitOptions: SubmitOptions = {},
  ) {
    const key = submitOptions.idempotency_key ?? newKey();
    const text = submissionText(typeName(type), input, key, submitOptions);
    const accepted = await submitter.submit(text, submitOptions.signal);
    return createTaskHandle<OutputOf<Type>>(accepted.id, verbs, accepted);
  }

  return {
    submit,
    async run(type, input, runOptions = {}) {
      const handle = await submit(type, input, runOptions);
      return handle.result(resultOptions(runOptions));
    },
    map<Type extends TaskTypeRef>(
      type: Type,
      input: unknown,
      mapOptions: MapOptions & { regions?: readonly string[] } = {},
    ) {
      const { regions, region, ...rest } = mapOptions;
      return runAll<OutputOf<Type>>(jobsOf(input, regions, region), mapOptions, (job) =>
        submit(type, job.input, job.region === undefined ? rest : { ...rest, region: job.region }),
      );
    },
    task: (id) => createTaskHandle(id, verbs),
    tasks,
    geo: createGeoCalls(transport),
    schedules: createScheduleCalls(transport),
    policies: createPolicyCalls(transport),
    ...createFabricCalls(transport),
    async [Symbol.asyncDispose]() {
      await submitter.close();
      life.end();
    },
  };
}

function resultOptions({ resultTimeoutMs, signal }: RunOptions): ResultOptions {
  return {
    ...(resultTimeoutMs === undefined ? {} : { timeoutMs: resultTimeoutMs }),
    ...(signal === undefined ? {} : { signal }),
  };
}

function* jobsOf(
  input: unknown,
  regions: readonly string[] | undefined,
  region: string | undefined,
): Generator<MapJob> {
  if (regions !== undefined) {
    for (const one of regions) yield { input, region: one };
  } else {
    for (const one of input as Iterable<unknown>) yield { input: one, region };
  }
}

function fillRandomly(bytes: Uint8Array): Uint8Array {
  return crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);
}
