import { type Json, taskError } from '@tenma/protocol';
import { AttemptAborted } from '../attempt-aborted.ts';
import type { AnyWorker } from '../define-worker.ts';
import { runWorker } from '../run-worker.ts';
import type { HostEvent, Run, ToHost } from './messages.ts';

export interface Attempts {
  handle(message: ToHost): void;
  /** Sends now what waits for the end of the turn. */
  flush(): void;
}

/**
 * Runs attempts side by side as the WEE says. Events of one turn of the event loop travel as one message: the
 * channel costs a system call a message, and a turn under load ends many attempts.
 */
export function createAttempts(
  workers: ReadonlyMap<string, AnyWorker>,
  send: (events: HostEvent[]) => void,
  log: (line: Record<string, unknown>) => void,
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
    const { run_id, type, input, task_id: id, attempt, idempotency_key, region } = run;
    const worker = workers.get(type);
    if (worker === undefined) {
      const loaded = [...workers.keys()].join(', ');
      emit({
        kind: 'failed',
        run_id,
        error: taskError('unknown_type', `"${type}" is not loaded here: ${loaded}`),
      });
      return;
    }
    const controller = new AbortController();
    running.set(run_id, controller);
    const outcome = await runWorker(worker, {
      input,
      task: { id, attempt, idempotency_key, region },
      signal: controller.signal,
      onProgress: (progress) => emit({ kind: 'progress', run_id, progress }),
      log: (message, fields?: Readonly<Record<string, Json>>) =>
        log({ ...fields, time: new Date().toISOString(), type, task_id: id, attempt, message }),
    });
    running.delete(run_id);
    emit({ run_id, ...outcome });
  }

  return {
    handle(message) {
      if (message.kind === 'run') {
        for (const run of message.runs) void start(run);
        return;
      }
      const { run_id, reason } = message;
      // Before the worker hears of it: what it does then may hold the event loop.
      emit({ kind: 'abort_received', run_id });
      flush();
      running.get(run_id)?.abort(new AttemptAborted(reason));
    },
    flush,
  };
}
