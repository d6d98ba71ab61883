import { Worker } from 'node:worker_threads';
import { createBatcher, type Log } from '@tenma/runtime';
import { stateSets } from '../state-sets.ts';
import { StoreUnavailableError } from '../store.ts';
import type { FromThread, SqliteCall, SqliteResult, ThreadOptions, ToThread, Verb } from './messages.ts';
import type { SqliteOperations } from './sqlite-operations.ts';

/** Calls executed and committed together at most. */
const maxCallsTogether = 500;

export interface SqliteThread {
  readonly open: boolean;
  /** Resolves when the thread has ended. */
  readonly gone: Promise<void>;
  /** @throws StoreUnavailableError when the file refuses, or the thread is closed or lost */
  readonly call: <V extends Verb>(
    verb: V,
    ...args: Parameters<SqliteOperations[V]>
  ) => Promise<ReturnType<SqliteOperations[V]>>;
  /** Waits for the calls under way, then closes the file. */
  close(): Promise<void>;
}

interface Pending {
  resolve: (results: readonly SqliteResult[]) => void;
  reject: (error: Error) => void;
}

/**
 * Starts the thread and waits until it has opened the file. Group commit: while one batch of calls is on its way to the
 * disk the next ones collect, and go together in the next transaction.
 * @throws Error when the file cannot be opened
 */
export async function startSqliteThread(
  { log, onLost }: { log: Log; onLost: () => void },
  { path }: { path: string },
): Promise<SqliteThread> {
  const worker = new Worker(new URL('./sqlite-thread.ts', import.meta.url), {
    workerData: { path, states: stateSets } satisfies ThreadOptions,
  });
  const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  await opening(worker, path);

  const pending: Pending[] = [];
  let state: 'open' | 'closing' | 'gone' = 'open';
  worker.on('message', (message: FromThread) => {
    if ('results' in message) pending.shift()?.resolve(message.results);
  });
  worker.on('error', (error) => log.fatal({ err: error, path }, 'the thread of the SQLite store failed'));
  worker.once('exit', () => {
    const lost = state === 'open';
    state = 'gone';
    for (const { reject } of pending.splice(0)) reject(unavailable());
    if (lost) onLost();
  });
  const unavailable = () => new StoreUnavailableError(`the SQLite store ${path} is closed`);
  const post = (message: ToThread) => worker.postMessage(message);

  const batcher = createBatcher<SqliteCall, SqliteResult>({
    maxItems: maxCallsTogether,
    flush: (calls) =>
      new Promise((resolve, reject) => {
        if (state === 'gone') return reject(unavailable());
        pending.push({ resolve, reject });
        post({ calls });
      }),
  });

  return {
    get open() {
      return state === 'open';
    },
    gone,
    async call(verb, ...args) {
      if (state !== 'open') throw unavailable();
      const result = await batcher.add({ verb, args });
      if ('value' in result) return result.value as ReturnType<SqliteOperations[typeof verb]>;
      throw result.unavailable
        ? new StoreUnavailableError(`the SQLite store ${path} refuses: ${result.error}`)
        : new Error(`SQLite: ${result.error}`);
    },
    async close() {
      state = 'closing';
      await batcher.idle();
      post('close');
      await gone;
    },
  };
}

/** Resolves when the thread has opened the file. */
function opening(worker: Worker, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (reason: string) => reject(new Error(`cannot open the SQLite store ${path}: ${reason}`));
    worker.once('error', (error) => refuse((error as Error).message));
    worker.once('exit', () => refuse('its thread ended'));
    worker.once('message', (message: FromThread) => {
      if ('failed' in message) refuse(message.failed);
      else resolve();
    });
  });
}
