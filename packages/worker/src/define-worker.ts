import { type CostClass, defaults, type Json, type RateLimit, type RetryPolicy } from '@tenma/protocol';
import { checkDefinition } from './check-definition.ts';
import type { Clock } from './clock.ts';
import type { SchemaInput, SchemaOutput, WorkerSchema } from './schema.ts';

/** Shared by every copy of the SDK in a process: a worker package may bring its own. */
const brand = Symbol.for('tenma.worker');

/**
 * How much of a process one attempt takes, of its 100 slots: a class (`light` 1: waiting on sockets, `medium` 10: some
 * computing, `heavy` 100: a whole core), a number of slots, or a function that says the slots of an input. What a
 * function says is rounded up and clamped to 1..100; it has to answer at once.
 */
export type Cost<Input = unknown> = CostClass | number | CostFunction<Input>;

/** A method's type, so that a worker of one input can stand in a list of workers of any. */
type CostFunction<Input> = { slots(input: Input): number }['slots'];

/** A class of errors that a worker throws. */
export interface ErrorClass {
  new (...args: never[]): Error;
  readonly name: string;
  readonly prototype: Error;
}

/** `process`: in a process with attempts of its own kind only. `thread`: in a thread of the WEE, for trusted code. */
export type Isolation = 'process' | 'thread';

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
  /** Waits and tells the time; a test can hand over another one. */
  readonly clock: Clock;
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
  /** Semantic, like `1.4.0`; raise the major when a schema changes so that older inputs no longer fit. */
  readonly version: string;
  /** One or two sentences for whoever chooses a type from a list. */
  readonly description: string;
  readonly input: I;
  readonly output: O;
  /** Default: any JSON. Has to validate without waiting, so that values keep their order. */
  readonly progress?: P;
  /** Default `light`. */
  readonly cost?: Cost<SchemaOutput<I>>;
  /** Slots that its attempts take at once in one WEE, at most; default: what the WEE has. */
  readonly slots?: number;
  /** Labels without which a WEE does not run it, such as `gpu`. */
  readonly requires?: readonly string[];
  /** How many tasks may start in a second, and run at once, in the whole fabric; default: any number. */
  readonly limit?: RateLimit;
  /** Default `process`. */
  readonly isolation?: Isolation;
  /** What differs from the default: 5 attempts, 1 s × 2 up to 100 s, full jitter. */
  readonly retry?: Partial<RetryPolicy>;
  /** For one attempt; default 60,000. A submission may say otherwise. */
  readonly timeout_ms?: number;
  /** An input that works, for forms and help. */
  readonly example?: SchemaInput<I>;
  /** Errors that a caller gets back as instances of the class they were thrown as. */
  readonly errors?: readonly ErrorClass[];
  /**
   * Only for a worker that changes nothing: while it is updated, a task may run on both versions. Says whether the
   * output of the old one and of the new one, for the same input, mean the same.
   */
  shadow?(before: SchemaOutput<O>, after: SchemaOutput<O>): boolean;
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
  readonly cost: Cost<SchemaOutput<I>>;
  readonly isolation: Isolation;
  readonly retry: RetryPolicy;
  readonly timeout_ms: number;
}

/** A worker of whatever schemas: what lists and registries hold. */
export type AnyWorker = Worker;

/** What a caller of the worker writes. */
export type WorkerInput<W extends AnyWorker> = SchemaInput<W['input']>;
/** What a caller of the worker gets. */
export type WorkerOutput<W extends AnyWorker> = SchemaOutput<W['output']>;
/** What a caller of the worker hears meanwhile. */
export type WorkerProgress<W extends AnyWorker> = [ProgressSchema<W>] extends [never]
  ? Json
  : SchemaOutput<ProgressSchema<W>>;
type ProgressSchema<W extends AnyWorker> = Exclude<W['progress'], undefined>;

/**
 * Makes a worker. Export one, or an array of them, as the default of a module, and a WEE can load it.
 * @throws TypeError naming the field that is wrong.
 */
export function defineWorker<
  I extends WorkerSchema,
  O extends WorkerSchema,
  P extends WorkerSchema | undefined = undefined,
>(definition: WorkerDefinition<I, O, P>): Worker<I, O, P> {
  const { cost = 'light', isolation = 'process', timeout_ms = defaults.attemptTimeoutMs } = definition;
  const retry = { ...defaults.retry, ...definition.retry };
  const worker = { ...definition, [brand]: true as const, cost, isolation, timeout_ms, retry };
  checkDefinition(worker);
  return Object.freeze(worker);
}

/** True for what `defineWorker` made, in this copy of the SDK or another. */
export function isWorker(value: unknown): value is AnyWorker {
  return typeof value === 'object' && value !== null && brand in value;
}
