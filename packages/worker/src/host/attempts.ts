import { type Json, limits, taskError } from '@tenma/protocol';
import { AttemptAborted } from '../attempt-aborted.ts';
import type { AnyWorker } from '../define-worker.ts';
import { describeThrown, failureOf } from '../failure.ts';
import { fitsInto } from '../json-text.ts';
import { runToText } from '../run-worker.ts';
import type { LoadedWorkers } from './loaded-workers.ts';
import type { HostEvent, Run } from './messages.ts';
import type { OutputFiles } from './output-files.ts';

export interface Attempts {
  start(run: Run): void;
  abort(runId: number, reason: 'timeout' | 'cancelled'): void;
  /** Sends now what waits for the end of the turn. */
  flush(): void;
}

export interface AttemptsOptions {
  readonly send: (events: HostEvent[]) => void;
  readonly log: (line: Record<string, unknown>) => void;
}

/** Why there is no such worker here, for whoever asked for it. */
export function notLoaded(workers: LoadedWorkers, type: string, version: string): string {
  return `${type}@${version} is not loaded here: ${workers.names.join(', ')}`;
}

/**
 * Runs attempts side by side as the WEE says. Events of one turn of the event loop travel as one message: the
 * pipe costs a system call a message, and a turn under load ends many attempts.
 */
export function createAttempts(
  { workers, files }: { workers: LoadedWorkers; files: OutputFiles },
  { send, log }: AttemptsOptions,
): Attempts {
  const running = new Map<number, AbortController>();
  let waiting: HostEvent[] = [];

  function emit(event: HostEvent): void {
    if (waiting.push(event) === 1) setImmediate(flush);
  }

  function flush(): void {
    if (waiting.length === 0) return;
    const events = waiting;
    waiting = [];
    send(events);
  }

  async function start(run: Run): Promise<void> {
    const { run_id, type, version } = run;
    const worker = workers.find(type, version);
    if (worker === undefined) {
      const error = taskError('unknown_type', notLoaded(workers, type, version));
      emit({ kind: 'failed', run_id, error });
      return;
    }
    const controller = new AbortController();
    running.set(run_id, controller);
    const end = await attempt(worker, run, controller.signal);
    running.delete(run_id);
    emit(end);
  }

  async function attempt(worker: AnyWorker, run: Run, signal: AbortSignal): Promise<HostEvent> {
    const { run_id, type, version, input, task_id: id, attempt: number, idempotency_key, region } = run;
    const outcome = await runToText(worker, {
      input,
      task: { id, attempt: number, idempotency_key, region },
      signal,
      onProgress: (progress) => emit({ kind: 'progress', run_id, progress }),
      log: (message, fields) =>
        log({
          ...fields,
          time: new Date().toISOString(),
          type,
          version,
          task_id: id,
          attempt: number,
          message,
        }),
    });
    if (outcome.kind === 'failed') return { run_id, ...outcome };
    const { kind, text } = outcome;
    if (fitsInto(text, limits.resultBytes)) return { kind, run_id, output: JSON.parse(text) as Json };
    return store(run_id, text, signal);
  }

  async function store(run_id: number, text: string, signal: AbortSignal): Promise<HostEvent> {
    try {
      return { kind: 'succeeded', run_id, file: await files.write(text, signal) };
    } catch (thrown) {
      if (signal.aborted) return { kind: 'failed', run_id, error: failureOf(thrown, signal) };
      const why = `the output could not be written: ${describeThrown(thrown).message}`;
      return { kind: 'failed', run_id, error: taskError('internal', why) };
    }
  }

  return {
    start: (run) => void start(run),
    abort(runId, reason) {
      // Before the worker hears of it: what it does then may hold the event loop.
      emit({ kind: 'abort_received', run_id: runId });
      flush();
      running.get(runId)?.abort(new AttemptAborted(reason));
    },
    flush,
  };
}
