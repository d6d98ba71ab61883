import { isTerminal, type Task } from '@tenma/protocol';
import { ResultTimeoutError } from './errors.ts';
import { isOutage } from './http.ts';
import { type ClientClock, linkSignals } from './patience.ts';
import { taskReader } from './records.ts';
import type { Transport } from './transport.ts';

/** Waits for the ends of tasks. */
export interface ResultWaiter {
  /**
   * The task's record once it has ended, however it ended. Outages are waited through.
   * @throws ResultTimeoutError after `timeoutMs`, or, when that is undefined, a little after the task must have ended
   */
  wait(taskId: string, timeoutMs: number | undefined, signal: AbortSignal | undefined): Promise<Task>;
}

export interface ResultWaiterOptions {
  transport: Transport;
  clock: ClientClock;
  closing: AbortSignal;
  /** Requests that wait at once. */
  concurrency: number;
  /** The wait for a task that does not say when it ends. */
  defaultTimeoutMs: number;
}

/** LE holds a request this long; less when others stand in line for its place. */
const longWaitSeconds = 30;
const shortWaitSeconds = 1;
/** LE judges the end of a task by its own clock and then has to write it down. */
const expiryGraceMs = 5_000;
/** An answer without an end that comes sooner than this was not held. */
const unheldMs = 200;

export function createResultWaiter(options: ResultWaiterOptions): ResultWaiter {
  const { transport, clock, closing, defaultTimeoutMs } = options;
  const places = createPlaces(options.concurrency);

  /** One held request: the record at its end, or as it is when the hold is over. */
  async function ask(taskId: string, leftMs: number, seenBefore: boolean, signal: AbortSignal) {
    await places.take(signal);
    try {
      const patientSeconds = places.crowded ? shortWaitSeconds : longWaitSeconds;
      const seconds = Math.min(patientSeconds, holdWithin(leftMs, seenBefore));
      const path = `/api/v1/tasks/${encodeURIComponent(taskId)}?wait=${seconds}`;
      const attemptTimeoutMs = (seconds + 10) * 1_000;
      const answer = await transport.call(
        { method: 'GET', path, signal, repeat: 'always', retryForMs: leftMs, attemptTimeoutMs },
        taskReader,
      );
      return { task: answer.data, serverNow: answer.serverNow, held: seconds > 0 };
    } finally {
      places.leave();
    }
  }

  return {
    async wait(taskId, timeoutMs, signal) {
      const started = clock.monotonic();
      let limitMs = timeoutMs ?? defaultTimeoutMs;
      let last: Task | undefined;
      for (;;) {
        const waitedMs = clock.monotonic() - started;
        if (waitedMs >= limitMs) throw new ResultTimeoutError(taskId, limitMs, last);
        using linked = linkSignals([signal, closing], limitMs - waitedMs);
        try {
          const { task, serverNow, held } = await ask(
            taskId,
            limitMs - waitedMs,
            last !== undefined,
            linked.signal,
          );
          last = task;
          if (isTerminal(task.state)) return task;
          const elapsedMs = clock.monotonic() - started;
          if (timeoutMs === undefined && task.expires_at !== null) {
            limitMs = elapsedMs + Date.parse(task.expires_at) - serverNow + expiryGraceMs;
          }
          // A proxy or an old LE that does not hold requests must not be asked in a tight loop.
          if (held && elapsedMs - waitedMs < unheldMs) await clock.sleep(unheldMs, linked.signal);
        } catch (error) {
          // The transport gave up on an outage only because the time was over.
          if (linked.timedOut || isOutage(error)) throw new ResultTimeoutError(taskId, limitMs, last, error);
          throw error;
        }
      }
    },
  };
}

/**
 * How long LE may hold a request so that its answer comes before the deadline. Near the deadline the task is looked
 * at once, so that the error can say what it did, and then waited for until the request is cut off.
 */
function holdWithin(leftMs: number, seenBefore: boolean): number {
  const answerMs = 500;
  if (leftMs > 1_000 + answerMs) return Math.floor((leftMs - answerMs) / 1_000);
  return seenBefore ? 1 : 0;
}

interface Places {
  take(signal: AbortSignal): Promise<void>;
  leave(): void;
  /** Somebody stands in line. */
  readonly crowded: boolean;
}

/** A counting semaphore, first come first served. */
function createPlaces(count: number): Places {
  let free = count;
  const line = new Set<() => void>();
  return {
    take(signal) {
      if (free > 0) {
        free -= 1;
        return Promise.resolve();
      }
      return new Promise((resolve, reject) => {
        const onAbort = () => {
          line.delete(enter);
          reject(signal.reason as Error);
        };
        const enter = () => {
          line.delete(enter);
          signal.removeEventListener('abort', onAbort);
          resolve();
        };
        line.add(enter);
        if (signal.aborted) onAbort();
        else signal.addEventListener('abort', onAbort, { once: true });
      });
    },
    leave() {
      const [next] = line;
      if (next === undefined) free += 1;
      else next();
    },
    get crowded() {
      return line.size > 0;
    },
  };
}
