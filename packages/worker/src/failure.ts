import { errorCatalogue, type Json, type TaskError, taskError } from '@tenma/protocol';
import { AttemptAborted } from './attempt-aborted.ts';
import type { ErrorClass } from './define-worker.ts';
import { type Issue, describeIssues } from './schema.ts';
import { isWorkerError, type WorkerError } from './worker-error.ts';

/** Errors travel with every event of a task: texts are cut here, so that no error is larger than a small result. */
const messageLength = 4 * 1024;
const stackLength = 8 * 1024;
const detailsLength = 16 * 1024;
/** Codes and class names; far more than any needs. */
const nameLength = 200;
const issuesListed = 20;

/**
 * What a worker threw, as the error of the attempt. Workers are not checked by TypeScript alone: whatever stands in the
 * fields of an error, this matches `taskErrorSchema` and is JSON. An instance of one of `classes` gets that class's
 * name, by which a caller makes an instance of it again.
 */
export function failureOf(
  thrown: unknown,
  signal: AbortSignal,
  classes: readonly ErrorClass[] = [],
): TaskError {
  try {
    const failure = readFailure(thrown, signal);
    const declared = classOf(thrown, classes);
    return declared === undefined || signal.aborted ? failure : { ...failure, name: declared.name };
  } catch {
    // Fields of an error can be accessors, and those can throw.
    return taskError('worker_error', 'the worker threw something that cannot be read');
  }
}

/** The class itself rather than one that it extends. */
function classOf(thrown: unknown, classes: readonly ErrorClass[]): ErrorClass | undefined {
  return (
    classes.find(({ prototype }) => thrown instanceof Error && Object.getPrototypeOf(thrown) === prototype) ??
    classes.find((each) => thrown instanceof each)
  );
}

function readFailure(thrown: unknown, signal: AbortSignal): TaskError {
  if (signal.aborted && signal.reason instanceof AttemptAborted) return abortFailure(thrown, signal.reason);
  if (isWorkerError(thrown)) return expectedFailure(thrown);
  const { name, message } = describeThrown(thrown);
  const stack: unknown = thrown instanceof Error ? thrown.stack : undefined;
  return {
    ...taskError('worker_error', message),
    name,
    ...(typeof stack === 'string' ? { details: { stack: cut(stack, stackLength) } } : {}),
  };
}

function abortFailure(thrown: unknown, aborted: AttemptAborted): TaskError {
  const code = aborted.reason === 'timeout' ? 'attempt_timeout' : 'cancelled';
  if (thrown === aborted) return taskError(code, errorCatalogue[code].title);
  const { name, message } = describeThrown(thrown);
  return {
    ...taskError(code, `${errorCatalogue[code].title}; the worker ended with ${name}: ${message}`),
    name,
  };
}

function expectedFailure(error: WorkerError): TaskError {
  const details = error.details === undefined ? undefined : smallJson(error.details);
  return {
    code: codeOf(error),
    retryable: (error.retryable as unknown) === true,
    ...describeThrown(error),
    ...(details === undefined ? {} : { details }),
  };
}

function codeOf(error: WorkerError): string {
  const code: unknown = error.code;
  if (typeof code === 'number') return String(code);
  return typeof code === 'string' && code !== '' ? cut(code, nameLength) : 'worker_error';
}

/** `invalid_input` or `invalid_output`, with the places that are wrong as JSON Pointers in `details.errors`. */
export function mismatch(code: 'invalid_input' | 'invalid_output', issues: readonly Issue[]): TaskError {
  const listed = issues.slice(0, issuesListed);
  const errors = listed.map(({ pointer, detail }) => ({ pointer, detail: cut(detail, 500) }));
  return { ...taskError(code, cut(describeIssues(listed), messageLength)), details: { errors } };
}

/** The class of what was thrown, even where the class never set `name`. */
export function describeThrown(thrown: unknown): { name: string; message: string } {
  if (!(thrown instanceof Error))
    return { name: typeof thrown, message: cut(printable(thrown), messageLength) };
  const named: unknown = thrown.name === 'Error' ? thrown.constructor.name : thrown.name;
  return { name: cut(printable(named), nameLength), message: cut(printable(thrown.message), messageLength) };
}

function printable(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return typeof value === 'bigint' ? String(value) : 'an object that is not JSON';
  }
}

function smallJson(value: Json): Json | undefined {
  try {
    const text = JSON.stringify(value);
    return text.length > detailsLength
      ? `left out: ${text.length} characters of JSON`
      : (JSON.parse(text) as Json);
  } catch {
    return undefined;
  }
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)} …` : text;
}
