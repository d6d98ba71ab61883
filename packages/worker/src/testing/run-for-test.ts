import type { Json } from '@tenma/protocol';
import { AttemptAborted } from '../attempt-aborted.ts';
import type { TimeSource } from '../clock.ts';
import type { AnyWorker, WorkerInput, WorkerOutput, WorkerProgress } from '../define-worker.ts';
import { type Failure, runWorker } from '../run-worker.ts';
import { leapingClock } from './clocks.ts';

export interface TestRunOptions {
  /** Of the task; default 1. */
  readonly attempt?: number;
  /** Where it is to seem to run; default `test`. */
  readonly region?: string;
  /** Default `test-key`. */
  readonly idempotencyKey?: string;
  /** Cancels the attempt when it aborts. */
  readonly signal?: AbortSignal;
  /** `manualClock()`, to move it by hand; default a `leapingClock()`, on which no sleep takes any time. */
  readonly clock?: TimeSource;
  /** Default: what the worker says. A sleep that goes beyond it ends the attempt as a WEE would. */
  readonly timeoutMs?: number;
}

/** How an attempt ended, with the output as a caller gets it. */
export type TestOutcome<W extends AnyWorker> =
  | { readonly kind: 'succeeded'; readonly output: WorkerOutput<W> }
  | Failure;

/** What the worker handed to `log`. */
export interface LogLine {
  readonly message: string;
  readonly fields?: Readonly<Record<string, Json>>;
}

export interface TestRun<W extends AnyWorker> {
  readonly outcome: TestOutcome<W>;
  /** All that was reported, in order. */
  readonly progress: readonly WorkerProgress<W>[];
  readonly logs: readonly LogLine[];
}

/** An attempt under way. */
export interface StartedTestRun<W extends AnyWorker> {
  /** So far. */
  readonly progress: readonly WorkerProgress<W>[];
  readonly logs: readonly LogLine[];
  /** Aborts the attempt's signal, as a cancelled task does. */
  cancel(): void;
  /** Aborts the attempt's signal, as a timeout does. */
  timeOut(): void;
  /** When the worker has ended. Never rejects. */
  readonly ended: Promise<TestRun<W>>;
}

/**
 * Runs one attempt exactly as a WEE does, without a WEE or a broker: the input is validated and the output too, errors
 * become what a caller sees.
 */
export function runForTest<W extends AnyWorker>(
  worker: W,
  input: WorkerInput<W>,
  options: TestRunOptions = {},
): Promise<TestRun<W>> {
  return startForTest(worker, input, options).ended;
}

/** Like `runForTest`, for a test that does something while the attempt runs. */
export function startForTest<W extends AnyWorker>(
  worker: W,
  input: WorkerInput<W>,
  { attempt = 1, region = 'test', idempotencyKey = 'test-key', ...options }: TestRunOptions = {},
): StartedTestRun<W> {
  const { signal: outside, clock = leapingClock(), timeoutMs = worker.timeout_ms } = options;
  const progress: WorkerProgress<W>[] = [];
  const logs: LogLine[] = [];
  const controller = new AbortController();
  const abort = (reason: 'timeout' | 'cancelled') => controller.abort(new AttemptAborted(reason));
  const cancel = () => abort('cancelled');
  const timeOut = () => abort('timeout');
  if (outside?.aborted) cancel();
  outside?.addEventListener('abort', cancel, { once: true, signal: controller.signal });

  async function run(): Promise<TestRun<W>> {
    const outcome = await runWorker(worker, {
      input,
      task: { id: 'test-task', attempt, idempotency_key: idempotencyKey, region },
      signal: controller.signal,
      time: withTimeout(clock, timeoutMs, timeOut),
      onProgress: (value) => void progress.push(value as WorkerProgress<W>),
      log: (message, fields) => void logs.push(fields === undefined ? { message } : { message, fields }),
    });
    outside?.removeEventListener('abort', cancel);
    return { outcome: outcome as TestOutcome<W>, progress, logs };
  }

  return { progress, logs, cancel, timeOut, ended: run() };
}

/** A clock whose sleeps end, and the attempt with them, when its time is up. */
function withTimeout(clock: TimeSource, timeoutMs: number, timeOut: () => void): TimeSource {
  const deadline = clock.now() + timeoutMs;
  return {
    now: () => clock.now(),
    async sleep(ms, signal) {
      const left = Math.max(0, deadline - clock.now());
      await clock.sleep(Math.min(ms, left), signal);
      if (ms <= left) return;
      timeOut();
      signal.throwIfAborted();
    },
  };
}
