import type { Json, TaskError } from '@tenma/protocol';
import type { ErrorClass, TaskTypeRef } from './definition.ts';
import { TaskFailedError, type TenmaError } from './errors.ts';

/** By it @tenma/worker knows its errors, in whatever copy of the SDK they were made. */
const brand = Symbol.for('tenma.worker-error');

/** A failure that the worker foresaw: what its `WorkerError` is here, where @tenma/worker need not be. */
export class RemoteWorkerError extends Error {
  declare readonly code: string;
  declare readonly retryable: boolean;
  declare readonly details: Json | undefined;

  get [brand](): true {
    return true;
  }
}

const builtIn: Readonly<Record<string, ErrorClass>> = {
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

/** These ends have the name of what a worker threw when it was told to stop; they are not its failures. */
const stopped: readonly string[] = ['attempt_timeout', 'cancelled'];

/**
 * The error of a failed task as the class that the worker threw, with the worker's stack and the TaskFailedError as its
 * `cause`. The TaskFailedError itself for a class that neither is built in nor stands in the definition's `errors`.
 */
export function asThrown(type: TaskTypeRef, failure: TenmaError): Error {
  if (!(failure instanceof TaskFailedError)) return failure;
  const { error } = failure.task;
  if (error?.name === undefined || stopped.includes(error.code)) return failure;
  const own = typeof type === 'string' ? undefined : type.errors?.find((one) => isNamed(one, error.name));
  if (own !== undefined) {
    const made = withFields(make(own, error, failure), error);
    // A worker that lets it through fails with its code, as the one that threw it did.
    if (isWorkerErrorClass(own)) hide(made, brand, true);
    return made;
  }
  if (error.name === 'WorkerError') return withFields(make(RemoteWorkerError, error, failure), error);
  const plain = Object.hasOwn(builtIn, error.name) ? builtIn[error.name] : undefined;
  return plain === undefined ? failure : make(plain, error, failure);
}

/** By the name of the class, or by the one that it gives its errors. */
function isNamed(one: ErrorClass, name: string | undefined): boolean {
  return one.name === name || (Object.hasOwn(one.prototype as object, 'name') && one.prototype.name === name);
}

/** Whether it is a WorkerError of @tenma/worker, of whatever copy, or extends one. */
function isWorkerErrorClass(one: ErrorClass): boolean {
  for (let each: unknown = one; typeof each === 'function'; each = Object.getPrototypeOf(each)) {
    if (each.name === 'WorkerError') return true;
  }
  return false;
}

/** A real Error of the class, whose own constructor does not run: what it wants is not known here. */
function make(one: ErrorClass, error: TaskError, cause: TaskFailedError): Error {
  const made = Reflect.construct(Error, [error.message, { cause }], one) as Error;
  if (made.name !== error.name) hide(made, 'name', error.name);
  const { stack } = partsOf(error);
  if (stack !== undefined) hide(made, 'stack', stack);
  return made;
}

function withFields(made: Error, error: TaskError): Error {
  const { code, retryable } = error;
  for (const [key, value] of Object.entries({ code, retryable, details: partsOf(error).details })) {
    // Not by assignment: the class may have an accessor of this name.
    Object.defineProperty(made, key, { value, writable: true, configurable: true, enumerable: true });
  }
  return made;
}

function hide(made: Error, key: PropertyKey, value: unknown): void {
  Object.defineProperty(made, key, { value, writable: true, configurable: true, enumerable: false });
}

/** The stack travels among the details. */
function partsOf({ details }: TaskError): { stack: string | undefined; details: Json | undefined } {
  if (typeof details !== 'object' || details === null || Array.isArray(details)) {
    return { stack: undefined, details };
  }
  const { stack, ...rest } = details;
  if (typeof stack !== 'string') return { stack: undefined, details };
  return { stack, details: Object.keys(rest).length === 0 ? undefined : rest };
}
