import { type Json, limits, type TaskError, taskError } from '@tenma/protocol';
import { clockOf, systemTime, type TimeSource } from './clock.ts';
import type { AnyWorker, TaskInfo } from './define-worker.ts';
import { failureOf, mismatch } from './failure.ts';
import { fitsInto, jsonTextOf } from './json-text.ts';
import { check, describeIssues } from './schema.ts';
import { WorkerError } from './worker-error.ts';

/** One attempt at a task, as a worker process is told to make it. */
export interface Attempt {
  readonly input: unknown;
  readonly task: TaskInfo;
  /** Abort it with an `AttemptAborted`. */
  readonly signal: AbortSignal;
  readonly onProgress?: (value: Json) => void;
  readonly log?: (message: string, fields?: Readonly<Record<string, Json>>) => void;
  /** Default: the system's. */
  readonly time?: TimeSource;
}

/** `refused`: the input does not fit the schema; nothing of the worker has run. */
export interface Failure {
  readonly kind: 'failed';
  readonly error: TaskError;
  readonly refused?: true;
}

export type Outcome = { readonly kind: 'succeeded'; readonly output: Json } | Failure;

/** With the output as JSON text, of at most `limits.blobBytes`. */
export type OutcomeText = { readonly kind: 'succeeded'; readonly text: string } | Failure;

/**
 * Makes one attempt in this process, exactly as a worker process does: input and output validated, the output as
 * JSON, every error mapped. Never rejects. Waits for the worker to end, also after an abort.
 */
export async function runWorker(worker: AnyWorker, attempt: Attempt): Promise<Outcome> {
  const outcome = await runToText(worker, attempt);
  if (outcome.kind === 'failed') return outcome;
  return { kind: 'succeeded', output: JSON.parse(outcome.text) as Json };
}

/** Like `runWorker`, for whoever decides by the size of the output what becomes of it. */
export async function runToText(worker: AnyWorker, attempt: Attempt): Promise<OutcomeText> {
  const { signal, task } = attempt;
  let running = true;
  try {
    const checking = check(worker.input, attempt.input);
    const input = checking instanceof Promise ? await checking : checking;
    if (!input.ok) return { kind: 'failed', error: mismatch('invalid_input', input.issues), refused: true };
    const returned = await worker.run({
      input: input.value,
      signal,
      task,
      clock: clockOf(attempt.time ?? systemTime, signal),
      progress: (value) => {
        if (running) attempt.onProgress?.(progressValue(worker, value));
      },
      log: (message, fields) => attempt.log?.(message, fields),
    });
    running = false;
    return await outcomeOf(worker, returned);
  } catch (thrown) {
    return { kind: 'failed', error: failureOf(thrown, signal, worker.errors) };
  } finally {
    running = false;
  }
}

async function outcomeOf(worker: AnyWorker, returned: unknown): Promise<OutcomeText> {
  const checking = check(worker.output, returned);
  const output = checking instanceof Promise ? await checking : checking;
  if (!output.ok) return { kind: 'failed', error: mismatch('invalid_output', output.issues) };
  const json = jsonTextOf(output.value);
  switch (json.fault) {
    case 'none':
      return fitsInto(json.text, limits.blobBytes)
        ? { kind: 'succeeded', text: json.text }
        : tooLarge(`${Buffer.byteLength(json.text)} bytes of JSON`);
    case 'not_json':
      return { kind: 'failed', error: taskError('invalid_output', `The output is not JSON: ${json.why}`) };
    case 'endless':
      return tooLarge('more than a string holds');
  }
}

function tooLarge(size: string): Failure {
  const message = `The output is ${size}; ${limits.blobBytes} bytes fit`;
  return { kind: 'failed', error: taskError('result_too_large', message) };
}

function progressValue(worker: AnyWorker, value: unknown): Json {
  const checked =
    worker.progress === undefined ? { ok: true as const, value } : check(worker.progress, value);
  if (checked instanceof Promise) throw invalidProgress('its schema is asynchronous');
  if (!checked.ok) throw invalidProgress(describeIssues(checked.issues));
  const json = jsonTextOf(checked.value);
  if (json.fault === 'not_json') throw invalidProgress(json.why);
  if (json.fault === 'endless' || !fitsInto(json.text, limits.progressBytes)) {
    throw invalidProgress(`${limits.progressBytes} bytes of JSON fit`);
  }
  return JSON.parse(json.text) as Json;
}

function invalidProgress(why: string): WorkerError {
  return new WorkerError(`progress cannot be reported: ${why}`, { code: 'invalid_progress' });
}
