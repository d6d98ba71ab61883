import { TenmaError } from './errors.ts';
import { linkSignals } from './patience.ts';
import type { SubmitOptions } from './submission.ts';
import { resultOptions, type TaskHandle } from './task-handle.ts';

/** Options of a submission that many tasks can share; a key names one task. */
export interface MapOptions extends Omit<SubmitOptions, 'idempotency_key'> {
  /** Tasks submitted and not yet ended, at most. Default 2,000. */
  concurrency?: number;
  /** How long to wait for each result. Default: until the task must have ended. */
  resultTimeoutMs?: number;
}

/** How one of the tasks ended. Told apart by `ok`. */
export type MapResult<Output, Fault extends Error = TenmaError> = {
  /** Its place among the inputs, or among the regions. */
  readonly index: number;
  /** Where it was sent; undefined when the options said nothing. */
  readonly region: string | undefined;
  /** Undefined when LE did not accept it. */
  readonly taskId: string | undefined;
} & ({ readonly ok: true; readonly output: Output } | { readonly ok: false; readonly error: Fault });

export interface MapJob {
  input: unknown;
  region: string | undefined;
}

/**
 * Submits each job and waits for its end, with a bounded number under way; the answers stand in the jobs' order. A fault
 * of this program ends it as the caller's signal does: nothing is submitted or waited for any more.
 * @param submit is given a signal that aborts at such an end
 * @param faultOf what an answer says of a task that did not succeed
 */
export async function runAll<Output, Fault extends Error = TenmaError>(
  jobs: Iterable<MapJob>,
  options: MapOptions,
  submit: (job: MapJob, signal: AbortSignal) => Promise<TaskHandle<Output>>,
  faultOf: (error: TenmaError) => Fault,
): Promise<MapResult<Output, Fault>[]> {
  const { concurrency = 2_000 } = options;
  const results: MapResult<Output, Fault>[] = [];
  const iterator = jobs[Symbol.iterator]();
  let started = 0;
  const fault = new AbortController();
  using linked = linkSignals([options.signal, fault.signal]);
  const { signal } = linked;

  async function runOne(job: MapJob, index: number): Promise<MapResult<Output, Fault>> {
    let taskId: string | undefined;
    try {
      const handle = await submit(job, signal);
      taskId = handle.id;
      const output = await handle.result(resultOptions({ ...options, signal }));
      return { index, region: job.region, taskId, ok: true, output };
    } catch (error) {
      if (signal.aborted || !(error instanceof TenmaError)) throw error;
      return { index, region: job.region, taskId, ok: false, error: faultOf(error) };
    }
  }

  async function runner(): Promise<void> {
    try {
      for (let next = iterator.next(); !next.done; next = iterator.next()) {
        signal.throwIfAborted();
        const index = started;
        started += 1;
        results[index] = await runOne(next.value, index);
      }
    } catch (error) {
      fault.abort(error);
      throw error;
    }
  }

  const runners: Promise<void>[] = [];
  // A runner takes its first job at once; when the jobs run out no more runners are made.
  for (let count = 0; count < concurrency && started === count; count += 1) runners.push(runner());
  await Promise.all(runners);
  return results;
}
