import type { AcceptedTask, Problem } from '@tenma/protocol';
import { packedFromLength } from './compression.ts';
import { BadResponseError, ClientClosedError, RequestError } from './errors.ts';
import { backoffMs, type ClientClock, unlessAborted } from './patience.ts';
import { batchReader } from './records.ts';
import type { Transport } from './transport.ts';

export interface BatchOptions {
  /** Submissions in one request, at most 1,000. */
  maxItems?: number;
  /** Bytes of one request, at most 16 MiB. Default 8 MiB. */
  maxBytes?: number;
  /** Requests under way at once. Default 2: one travels while LE writes the other down. */
  concurrency?: number;
}

/** Sends submissions in as few requests as the pace of the callers allows. */
export interface Submitter {
  /**
   * Resolves when LE has written the task down. Submissions of one turn of the event loop, and those made while
   * `concurrency` requests are under way, travel together.
   * @param text the submission's JSON, with an idempotency key: it may be sent more than once
   * @param onLate is told of the task when LE makes it after the signal has ended the wait
   */
  submit(
    text: string,
    signal: AbortSignal | undefined,
    onLate?: (task: AcceptedTask) => void,
  ): Promise<AcceptedTask>;
  /** Takes no more; resolves when all that was taken is settled. */
  close(): Promise<void>;
}

export interface SubmitterOptions {
  transport: Transport;
  clock: ClientClock;
  random: () => number;
  retryForMs: number;
  closing: AbortSignal;
  batch: BatchOptions;
}

type BatchAnswer = AcceptedTask | { error: Problem };

interface Entry {
  text: string;
  bytes: number;
  signal: AbortSignal | undefined;
  resolve: (task: AcceptedTask) => void;
  reject: (error: unknown) => void;
}

export function createSubmitter(options: SubmitterOptions): Submitter {
  const { maxItems = 1_000, maxBytes = 8 * 1024 * 1024, concurrency = 2 } = options.batch;
  const encoder = new TextEncoder();
  let queue: Entry[] = [];
  let inFlight = 0;
  let scheduled = false;
  let closed = false;
  let onIdle: (() => void) | undefined;

  function pump(): void {
    scheduled = false;
    while (inFlight < concurrency && queue.length > 0) {
      inFlight += 1;
      const { batch, taken } = cut(queue, maxItems, maxBytes);
      queue = queue.slice(taken);
      void flush(batch, options).finally(() => {
        inFlight -= 1;
        schedule();
      });
    }
    if (inFlight === 0) onIdle?.();
  }

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    // Browsers have no setImmediate.
    if (typeof setImmediate === 'function') setImmediate(pump);
    else setTimeout(pump, 0);
  }

  return {
    submit(text, signal, onLate) {
      if (closed) return Promise.reject(new ClientClosedError());
      const settled = new Promise<AcceptedTask>((resolve, reject) => {
        queue.push({ text, bytes: encoder.encode(text).length + 1, signal, resolve, reject });
      });
      schedule();
      const answered = unlessAborted(settled, signal);
      if (onLate !== undefined) answered.catch(() => settled.then(onLate, () => undefined));
      return answered;
    },
    close() {
      closed = true;
      return new Promise((resolve) => {
        onIdle = resolve;
        schedule();
      });
    },
  };
}

/** The next batch, and how many entries of the queue it takes off: one whose caller has left is dropped unsent. */
function cut(queue: readonly Entry[], maxItems: number, maxBytes: number): { batch: Entry[]; taken: number } {
  const batch: Entry[] = [];
  let bytes = 0;
  let taken = 0;
  for (const entry of queue) {
    if (batch.length === maxItems || (batch.length > 0 && bytes + entry.bytes > maxBytes)) break;
    taken += 1;
    if (entry.signal?.aborted) continue;
    batch.push(entry);
    bytes += entry.bytes;
  }
  return { batch, taken };
}

/** Sends a batch, and again those of its items that LE refused for the moment, until each has an answer. */
async function flush(batch: readonly Entry[], options: SubmitterOptions): Promise<void> {
  const { clock, random, retryForMs, closing } = options;
  const deadline = clock.monotonic() + retryForMs;
  let entries = batch;
  try {
    for (let tries = 1; entries.length > 0; tries += 1) {
      const answers = await send(entries, options.transport, Math.max(0, deadline - clock.monotonic()));
      const pauseMs = backoffMs(tries, random);
      const again = clock.monotonic() + pauseMs < deadline;
      entries = entries.filter((entry, index) => !settle(entry, answers[index], again));
      if (entries.length > 0) await clock.sleep(pauseMs, closing);
    }
  } catch (error) {
    for (const entry of entries) entry.reject(error);
  }
}

async function send(
  entries: readonly Entry[],
  transport: Transport,
  retryForMs: number,
): Promise<BatchAnswer[]> {
  const answer = await transport.call(
    {
      method: 'POST',
      path: '/api/v1/tasks/batch',
      body: `{"tasks":[${entries.map((entry) => entry.text).join(',')}]}`,
      // Every item has a key: a batch that arrives twice makes its tasks once.
      repeat: 'always',
      pack: entries.some(({ text }) => text.length >= packedFromLength),
      retryForMs,
    },
    batchReader,
  );
  const { tasks } = answer.data;
  if (tasks.length === entries.length) return tasks;
  const message = `The server answered ${tasks.length} of ${entries.length} submissions`;
  throw new BadResponseError(message, answer.status);
}

/** False when the item should be sent again. */
function settle(entry: Entry, answer: BatchAnswer | undefined, again: boolean): boolean {
  if (answer === undefined) return true;
  if (!('error' in answer)) {
    entry.resolve(answer);
    return true;
  }
  const { error } = answer;
  const passing = error.retryable && (error.status === 503 || error.status === 429);
  if (passing && again && !entry.signal?.aborted) return false;
  entry.reject(new RequestError(error));
  return true;
}
