import { type Json, limits, type TaskError, taskError } from '@tenma/protocol';
import type { AnyWorker, TaskInfo } from './define-worker.ts';
import { failureOf, mismatch } from './failure.ts';
import { jsonValueOf } from './json-value.ts';
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
}

export type Outcome =
  | { readonly kind: 'succeeded'; readonly output: Json }
  | { readonly kind: 'failed'; readonly error: TaskError };

/**
 * Makes one attempt in this process, exactly as a worker process does: input and output validated, the output as
 * JSON, every error mapped. Never rejects. Waits for the worker to end, also after an abort.
 */
export async function runWorker(worker: AnyWorker, attempt: Attempt): Promise<Outcome> {
  const { signal, task } = attempt;
  let running = true;
  try {
    const checking = check(worker.input, attempt.input);
    const input = checking instanceof Promise ? await checking : checking;
    if (!input.ok) return { kind: 'failed', error: mismatch('invalid_input', input.issues) };
    const returned = await worker.run({
      input: input.value,
      signal,
      task,
      progress: (value) => {
        if (running) attempt.onProgress?.(progressValue(worker, value));
      },
      log: (message, fields) => attempt.log?.(message, fields),
    });
    running = false;
    return await outcomeOf(worker, returned);
  } catch (thrown) {
    return { kind: 'failed', error: failureOf(thrown, signal) };
  } finally {
    running = false;
  }
}

async function outcomeOf(worker: AnyWorker, returned: unknown): Promise<Outcome> {
  const checking = check(worker.output, returned);
  const output = checking instanceof Promise ? await checking : checking;
  if (!output.ok) return { kind: 'failed', error: mismatch('invalid_output', output.issues) };
  const json = jsonValueOf(output.value, limits.resultBytes);
  switch (json.fault) {
    case 'none':
      return { kind: 'succeeded', output: json.value };
    case 'not_json':
      return { kind: 'failed', error: taskError('invalid_output', `The output is not JSON: ${json.why}`) };
    case 'too_large': {
      const message = `The output is ${json.bytes} bytes of JSON; ${limits.resultBytes} fit`;
      return { kind: 'failed', error: taskError('result_too_large', message) };
    }
  }
}

function progressValue(worker: AnyWorker, value: unknown): Json {
  const checked =
    worker.progress === undefined ? { ok: true as const, value } : check(worker.progress, value);
  if (checked instanceof Promise) throw invalidProgress('its schema is asynchronous');
  if (!checked.ok) throw invalidProgress(describeIssues(checked.issues));
  const json = jsonValueOf(checked.value, limits.progressBytes);
  if (json.fault === 'not_json') throw invalidProgress(json.why);
  if (json.fault === 'too_large') throw invalidProgress(`${json.bytes} bytes; ${limits.progressBytes} fit`);
  return json.value;
}

function invalidProgress(why: string): WorkerError {
  return new WorkerError(`progress cannot be reported: ${why}`, { code: 'invalid_progress' });
}
