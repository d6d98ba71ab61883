import { type AcceptedTask, createUuidV7 } from '@tenma/protocol';
import { createBlobs } from './blobs.ts';
import { createFabricCalls, createTaskCalls, type FabricCalls, type TaskCalls } from './calls.ts';
import { submittedCost } from './cost.ts';
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
import { createReleaseCalls, type ReleaseCalls } from './releases.ts';
import { createCanceller, createRemoteCalls, type RemoteCalls } from './remote-calls.ts';
import { createResultWaiter } from './result-waiter.ts';
import { type RunOptions, type SubmitOptions, submissionText } from './submission.ts';
import { type BatchOptions, createSubmitter } from './submitter.ts';
import { followTask } from './task-events.ts';
import {
  type CallOptions,
  createTaskHandle,
  resultOptions,
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

/** Every call throws TenmaErrors, or the reason of the caller's signal. */
export interface Client extends FabricCalls, RemoteCalls, AsyncDisposable {
  /** Resolves when LE has written the task down. However often it had to be sent, it makes one task. */
  submit<Type extends TaskTypeRef>(
    type: Type,
    input: InputOf<Type>,
    options?: SubmitOptions,
  ): Promise<TaskHandle<OutputOf<Type>>>;
  /** Submits and waits for the result. Unlike `execute` it lets go of the task when the signal aborts. */
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
  /**
   * Many inputs; the answers stand in their order. A task that fails does not end the others.
   * @throws TypeError at an input that JSON cannot carry: no more are submitted, and those that were go on
   */
  map<Type extends TaskTypeRef>(
    type: Type,
    inputs: Iterable<InputOf<Type>>,
    options?: MapOptions,
  ): Promise<MapResult<OutputOf<Type>>[]>;
  /** A handle on a task that was submitted before, here or elsewhere. Asks nothing yet. */
  task<Type extends TaskTypeRef = string>(id: string): TaskHandle<OutputOf<Type>>;
  readonly tasks: TaskCalls;
  /**
   * An output that is too large for a message, by the id in `task.output_ref`: an answer whose body can be streamed.
   * `result`, `run`, `execute` and `map` fetch it by themselves.
   */
  blob(id: string, options?: CallOptions): Promise<Response>;
  /** Which versions of workers run. */
  readonly releases: ReleaseCalls;
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
  const blobs = createBlobs({ ...shared, transport });
  const canceller = createCanceller((id) => tasks.cancel(id));
  const verbs: TaskVerbs = {
    ...tasks,
    output: (ref, signal) => blobs.read(ref, signal),
    waiter: createResultWaiter({ ...shared, ...waits, transport }),
    events: (id, { signal } = {}) =>
      followTask(id, { ...shared, transport, signal, get: (task) => tasks.get(task) }),
  };

  async function submit<Type extends TaskTypeRef>(
    type: Type,
    input: unknown,
    submitOptions: SubmitOptions = {},
    onLate?: (task: AcceptedTask) => void,
  ) {
    const key = submitOptions.idempotency_key ?? newKey();
    const asked = submitOptions.cost ?? submittedCost(type, input);
    // Only an answer that has to be waited for lets other submissions, or the end of the client, come first.
    const cost = typeof asked === 'object' ? await asked : asked;
    const text = submissionText(typeName(type), input, key, { ...submitOptions, ...(cost && { cost }) });
    const accepted = await submitter.submit(text, submitOptions.signal, onLate);
    return createTaskHandle<OutputOf<Type>>(accepted.id, verbs, accepted);
  }

  return {
    submit: (type, input, submitOptions) => submit(type, input, submitOptions),
    ...createRemoteCalls(submit, (id) => canceller.cancel(id)),
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
      const submitJob = (job: MapJob, signal: AbortSignal) => {
        const place = job.region === undefined ? {} : { region: job.region };
        return submit(type, job.input, { ...rest, ...place, signal });
      };
      return runAll(jobsOf(input, regions, region), mapOptions, submitJob, (error) => error);
    },
    task: (id) => createTaskHandle(id, verbs),
    tasks,
    blob: (id, callOptions) => blobs.open(id, callOptions),
    releases: createReleaseCalls(transport),
    geo: createGeoCalls(transport),
    schedules: createScheduleCalls(transport),
    policies: createPolicyCalls(transport),
    ...createFabricCalls(transport),
    async [Symbol.asyncDispose]() {
      await submitter.close();
      await canceller.settled();
      life.end();
    },
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
