import {
  defaults,
  idSchema,
  type Json,
  type RetryPolicy,
  retryPolicySchema,
  type TaskType,
} from '@tenma/protocol';
import { type SchemaInput, type SchemaOutput, schemaFault, type WorkerSchema } from './schema.ts';

/** Shared by every copy of the SDK in a process: a worker package may bring its own. */
const brand = Symbol.for('tenma.worker');

/** How much of a process one attempt takes: waiting on sockets, some computing, or a whole core. */
export type Cost = TaskType['cost'];

/** The task an attempt belongs to. */
export interface TaskInfo {
  readonly id: string;
  /** From 1; counts the attempts of the task that started. */
  readonly attempt: number;
  /** The same for every attempt of the task: hand it to what you act on, so that the effect happens once. */
  readonly idempotency_key: string;
  /** Where the attempt runs. */
  readonly region: string;
}

export interface RunContext<Input, Progress> {
  /** Validated, defaults filled in. */
  readonly input: Input;
  /** Aborts on timeout or cancellation; its `reason` is an `AttemptAborted`. The process is killed 2 s later. */
  readonly signal: AbortSignal;
  readonly task: TaskInfo;
  /** Publishes how far the attempt is: at most 16 KiB of JSON. Throws WorkerError `invalid_progress` otherwise. */
  progress(this: void, value: Progress): void;
  /** One line in the log of the WEE, with the task's id. */
  log(this: void, message: string, fields?: Readonly<Record<string, Json>>): void;
}

export interface WorkerDefinition<
  I extends WorkerSchema = WorkerSchema,
  O extends WorkerSchema = WorkerSchema,
  P extends WorkerSchema | undefined = WorkerSchema | undefined,
> {
  /** The task type, kebab-case: `^[a-z0-9][a-z0-9_-]{0,62}$`. */
  readonly type: string;
  /** Semantic; raise the major when a schema changes so that older inputs no longer fit. */
  readonly version: string;
  /** One or two sentences for whoever chooses a type from a list. */
  readonly description: string;
  readonly input: I;
  readonly output: O;
  /** Default: any JSON. Has to validate without waiting, so that values keep their order. */
  readonly progress?: P;
  /** Default `light`. */
  readonly cost?: Cost;
  /** What differs from the default: 5 attempts, 1 s × 2 up to 100 s, full jitter. */
  readonly retry?: Partial<RetryPolicy>;
  /** For one attempt; default 60,000. A submission may say otherwise. */
  readonly timeout_ms?: number;
  /** An input that works, for forms and help. */
  readonly example?: SchemaInput<I>;
  /** One attempt. May run many times at once in a process; must end soon after `signal` aborts. */
  run(context: RunContext<SchemaOutput<I>, SchemaInput<P>>): SchemaInput<O> | Promise<SchemaInput<O>>;
}

/** A definition with everything that was left out filled in. */
export interface Worker<
  I extends WorkerSchema = WorkerSchema,
  O extends WorkerSchema = WorkerSchema,
  P extends WorkerSchema | undefined = WorkerSchema | undefined,
> extends WorkerDefinition<I, O, P> {
  readonly [brand]: true;
  readonly cost: Cost;
  readonly retry: RetryPolicy;
  readonly timeout_ms: number;
}

/** A worker of whatever schemas: what lists and registries hold. */
export type AnyWorker = Worker;

/** What a caller of the worker writes. */
export type WorkerInput<W extends AnyWorker> = SchemaInput<W['input']>;
/** What a caller of the worker gets. */
export type WorkerOutput<W extends AnyWorker> = SchemaOutput<W['output']>;
export type WorkerProgress<W extends AnyWorker> = SchemaOutput<W['progress']>;

const semanticVersion = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;

/**
 * Makes a worker. Export one, or an array of them, as the default of a module, and a WEE can load it.
 * @throws TypeError naming the field that is wrong.
 */
export function defineWorker<
  I extends WorkerSchema,
  O extends WorkerSchema,
  P extends WorkerSchema | undefined = undefined,
>(definition: WorkerDefinition<I, O, P>): Worker<I, O, P> {
  const { type, version, cost = 'light', timeout_ms = defaults.attemptTimeoutMs } = definition;
  const wrong = (field: string, why: string) =>
    new TypeError(`worker ${JSON.stringify(type)}: ${field} ${why}`);
  if (!idSchema.safeParse(type).success) throw wrong('type', `has to match ${idPattern}`);
  if (!semanticVersion.test(version)) throw wrong('version', 'has to be semantic, like 1.0.0');
  if (!(Number.isSafeInteger(timeout_ms) && timeout_ms > 0))
    throw wrong('timeout_ms', 'has to be a whole number');
  for (const field of ['input', 'output', 'progress'] as const) {
    const fault =
      field === 'progress' && definition.progress === undefined ? undefined : schemaFault(definition[field]);
    if (fault !== undefined) throw wrong(field, fault);
  }
  const retry = retryPolicySchema.safeParse({ ...defaults.retry, ...definition.retry });
  if (!retry.success) throw wrong('retry', `does not fit: ${retry.error.message}`);
  return Object.freeze({ ...definition, [brand]: true as const, cost, timeout_ms, retry: retry.data });
}

const idPattern = '^[a-z0-9][a-z0-9_-]{0,62}$';

/** True for what `defineWorker` made, in this copy of the SDK or another. */
export function isWorker(value: unknown): value is AnyWorker {
  return typeof value === 'object' && value !== null && brand in value;
}
