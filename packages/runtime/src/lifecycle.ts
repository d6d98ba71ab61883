import { ConfigError } from './config.ts';

/** Parts close in the reverse order of their opening. */
export interface Running extends AsyncDisposable {}

/**
 * The life of a process: `start` opens everything and returns what closes it; the first SIGTERM or SIGINT closes in
 * order, a second one exits at once (still safe: what is unacknowledged is delivered again). Exits 0 after a clean
 * close, 1 after a fault, 2 for a bad configuration.
 */
export function runProcess(start: (stopping: AbortSignal) => Promise<Running>): void {
  const stopping = new AbortController();
  const stop = (signal: NodeJS.Signals) => {
    if (stopping.signal.aborted) process.exit(1);
    stopping.abort(new Error(`stopped by ${signal}`));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);

  const untilStopped = new Promise<void>((resolve) =>
    stopping.signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  // Timers of the clock do not keep the process alive; this one does, until it is told to stop.
  const keepAlive = setInterval(() => {}, 2 ** 30);
  void start(stopping.signal)
    .then(async (running) => {
      await untilStopped;
      await running[Symbol.asyncDispose]();
    })
    .then(
      () => process.exit(0),
      (error: unknown) => {
        clearInterval(keepAlive);
        if (stopping.signal.aborted) process.exit(0);
        process.stderr.write(
          `${error instanceof ConfigError ? error.message : String((error as Error).stack ?? error)}\n`,
        );
        process.exit(error instanceof ConfigError ? 2 : 1);
      },
    );
}
