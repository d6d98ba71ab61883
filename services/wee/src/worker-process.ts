import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type TaskError, type TaskType, taskError } from '@tenma/protocol';
import type { Log } from '@tenma/runtime';
import { workerHostUrl } from '@tenma/worker';
import type { FromHost, HostEvent, Run, ToHost } from '@tenma/worker/messages';

/** One child process and the attempts inside it. */
export interface WorkerProcess {
  readonly pid: number | undefined;
  /** Runs handed over and not ended. */
  readonly running: number;
  has(runId: number): boolean;
  /** Resolves with the types it serves, or rejects when its packages do not load. */
  readonly ready: Promise<readonly TaskType[]>;
  run(run: Run, onEvent: (event: HostEvent) => void): void;
  abort(runId: number, reason: 'timeout' | 'cancelled'): void;
  kill(): void;
}

export interface WorkerProcessOptions {
  readonly packages: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Heap of the process in MiB; one that needs more dies alone. */
  readonly heapMb: number;
  /** Called once when the process is gone, with the runs that were inside it and why it went. */
  readonly onGone: (runIds: readonly number[], error: TaskError) => void;
}

export function startWorkerProcess(
  log: Log,
  { packages, environment, heapMb, onGone }: WorkerProcessOptions,
): WorkerProcess {
  const child = fork(fileURLToPath(workerHostUrl), [...packages], {
    // What workers print is for people: stdout is for data.
    stdio: ['ignore', 2, 2, 'ipc'],
    env: { ...environment },
    execArgv: [`--max-old-space-size=${heapMb}`],
  });
  const listeners = new Map<number, (event: HostEvent) => void>();
  let outbox: Run[] = [];
  let killed = false;

  const ready = new Promise<readonly TaskType[]>((resolve, reject) => {
    child.on('message', (message: FromHost) => {
      if (message.kind === 'ready') resolve(message.types);
      else if (message.kind === 'load_failed') reject(new Error(message.error.message));
      else for (const event of message.events) deliver(listeners, event);
    });
    // Not `exit`, which a process that could not be made never sends.
    child.once('close', (code, signal) => {
      const how = signal ? `signal ${signal}` : `exit code ${code}`;
      reject(new Error(`the worker process ended with ${how} before it was ready`));
      const inside = [...listeners.keys()];
      log[killed ? 'debug' : 'warn'](
        { pid: child.pid, how, attempts: inside.length },
        'a worker process is gone',
      );
      listeners.clear();
      onGone(inside, taskError('worker_crashed', `the worker's process ended with ${how}`));
    });
  });
  // Whoever awaits `ready` sees the rejection; without anyone it must not end this process.
  ready.catch(() => undefined);
  child.on('error', (error) => log.warn({ err: error, pid: child.pid }, 'worker process'));

  /** Runs of one turn of the event loop travel in one message. */
  function flush(): void {
    const runs = outbox;
    outbox = [];
    send(child, { kind: 'run', runs });
  }

  return {
    pid: child.pid,
    get running() {
      return listeners.size;
    },
    has: (runId) => listeners.has(runId),
    ready,
    run(run, onEvent) {
      listeners.set(run.run_id, onEvent);
      outbox.push(run);
      if (outbox.length === 1) setImmediate(flush);
    },
    abort: (runId, reason) => send(child, { kind: 'abort', run_id: runId, reason }),
    kill() {
      if (killed) return;
      killed = true;
      child.kill('SIGKILL');
    },
  };
}

function deliver(listeners: Map<number, (event: HostEvent) => void>, event: HostEvent): void {
  const listener = listeners.get(event.run_id);
  if (event.kind === 'succeeded' || event.kind === 'failed') listeners.delete(event.run_id);
  listener?.(event);
}

function send(child: ChildProcess, message: ToHost): void {
  // A channel that closes meanwhile is no fault here: the exit event tells what became of the runs.
  if (child.connected) child.send(message, () => undefined);
}
