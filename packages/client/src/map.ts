import { TenmaError } from './errors.ts';
import type { SubmitOptions } from './submission.ts';
import type { TaskHandle } from './task-handle.ts';

/** Options of a submission that many tasks can share; a key names one task. */
export interface MapOptions extends Omit<SubmitOptions, 'idempotency_key'> {
  /** Tasks submitted and not yet ended, at most. Default 2,000. */
  concurrency?: number;
  /** How long to wait for each result. Default: until the task must have ended. */
  resultTimeoutMs?: number;
}

/** How one of the tasks ended. Told apart by `ok`. */
export type MapResult<Output> = {
  /** Its place among the inputs, or among the regions. */
  readonly index: number;
  /** Where it was sent; undefined when the options said nothing. */
  readonly region: string | undefined;
  /** Undefined when LE did not accept it. */
  readonly taskId: string | undefined;
} & ({ readonly ok: true; readonly output: Output } | { readonly ok: false; readonly error: TenmaError });

export interface MapJob {
  input: unknown;
  region: string | undefined;
}

/** Submits each job and waits for its end, with a bounded number under way; the answers stand in the jobs' order. */
export async function runAll<Output>(
  jobs: Iterable<MapJob>,
  options: MapOptions,
  submit: (job: MapJob) => Promise<TaskHandle<Output>>,
): Promise<MapResult<Output>[]> {
  const { concurrency = 2_000, resultTimeoutMs, signal } = options;
  const results: MapResult<Output>[] = [];
  const iterator = jobs[Symbol.iterator]();
  let started = 0;

  async function runOne(job: MapJob, index: number): Promise<MapResult<Output>> {
    let taskId: string | undefined;
    try {
      const handle = await submit(job);
      taskId = handle.id;
      const output = await handle.result({
        ...(resultTimeoutMs === undefined ? {} : { timeoutMs: resultTimeoutMs }),
        ...(signal === undefined ? {} : { signal }),
      });
      return { index, region: job.region, taskId, ok: true, output };
    } catch (error) {
      // A caller's abort, or a fault of this program, ends the whole map.
      if (!(error instanceof TenmaError)) throw error;
      return { index, region: job.region, taskId, ok: false, error };
    }
  }

  async function runner(): Promise<void> {
    for (let next = iterator.next(); !next.done; next = iterator.next()) {
      const index = started;
      started += 1;
      results[index] = await runOne(next.value, index);
    }
  }

  const runners: Promise<void>[] = [];
  // A runner takes its first job at once; when the jobs run out no more runners are made.
  for (let count = 0; count < concurrency && started === count; count += 1) runners.push(runner());
  await Promise.all(runners);
  return results;
}
