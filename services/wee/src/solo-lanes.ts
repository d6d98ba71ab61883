import { type TaskError, taskError } from '@tenma/protocol';
import type { Log } from '@tenma/runtime';
import type { HostEvent } from '@tenma/worker/messages';
import type { Attempt } from './attempt.ts';
import { startWorkerProcess, type WorkerProcess, type WorkerProcessOptions } from './worker-process.ts';

/** Where the suspects of a crash run again, each alone in a fresh process, so that the one who did it is known. */
export interface SoloLanes {
  add(attempt: Attempt): void;
  processOf(attempt: Attempt): WorkerProcess | undefined;
  close(): void;
}

export interface SoloLanesOptions extends Omit<WorkerProcessOptions, 'onGone'> {
  /** Suspects under test at once. */
  readonly lanes: number;
  readonly log: Log;
  /** The process is ready and gets the attempt. */
  readonly onStart: (attempt: Attempt) => void;
  readonly onEvent: (attempt: Attempt, event: HostEvent) => void;
  /** The process died with the attempt inside. */
  readonly onDeath: (attempt: Attempt, error: TaskError) => void;
  /** False once the attempt has ended otherwise, such as by being cancelled. */
  readonly isOpen: (attempt: Attempt) => boolean;
}

export function createSoloLanes(options: SoloLanesOptions): SoloLanes {
  const { lanes, log, onStart, onEvent, onDeath, isOpen } = options;
  const waiting: Attempt[] = [];
  const current = new Map<Attempt, WorkerProcess>();
  let busyLanes = 0;

  function runAlone(attempt: Attempt): Promise<void> {
    return new Promise((resolve) => {
      const process = startWorkerProcess(log, {
        ...options,
        onGone(_, error) {
          current.delete(attempt);
          if (isOpen(attempt)) onDeath(attempt, error);
          resolve();
        },
      });
      current.set(attempt, process);
      const start = () => {
        onStart(attempt);
        process.run({ ...attempt.request.run, run_id: attempt.runId }, (event) => {
          onEvent(attempt, event);
          if (event.kind === 'succeeded' || event.kind === 'failed') process.kill();
        });
      };
      process.ready.then(start, () => process.kill());
    });
  }

  async function lane(): Promise<void> {
    for (let attempt = waiting.shift(); attempt; attempt = waiting.shift()) {
      if (!isOpen(attempt)) continue;
      await runAlone(attempt).catch((error: unknown) =>
        onDeath(attempt, taskError('worker_crashed', `no process could be started: ${String(error)}`)),
      );
    }
    busyLanes -= 1;
  }

  return {
    add(attempt) {
      waiting.push(attempt);
      if (busyLanes === lanes) return;
      busyLanes += 1;
      void lane();
    },
    processOf: (attempt) => current.get(attempt),
    close() {
      waiting.length = 0;
      for (const process of current.values()) process.kill();
    },
  };
}
