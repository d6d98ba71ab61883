/**
 * The thread that owns the database file; started by `createSqliteStore`, never imported. SQLite is synchronous: here
 * it can wait for the disk without holding up the service.
 */
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type { FromThread, SqliteCall, SqliteResult, ThreadOptions, ToThread, Verb } from './messages.ts';
import { createOperations, type SqliteOperations, writingVerbs } from './sqlite-operations.ts';
import { migrate } from './sqlite-schema.ts';

/** SQLite's primary result codes of a database that cannot serve, rather than of a wrong call. */
const unavailableCodes: readonly number[] = [
  5, // BUSY: another process owns the file
  8, // READONLY
  10, // IOERR
  11, // CORRUPT
  13, // FULL
  14, // CANTOPEN
];
const busy = 5;

function resultCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown }).errcode;
  return typeof code === 'number' ? code & 0xff : undefined;
}

function refusal(error: unknown): SqliteResult {
  const code = resultCode(error);
  return {
    error: error instanceof Error ? error.message : String(error),
    unavailable: code !== undefined && unavailableCodes.includes(code),
  };
}

/**
 * The exclusive lock on the file is the operating system's: it ends with its owner however that dies, so a new owner
 * need not clean up.
 */
function open(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 250 });
  database.exec('PRAGMA locking_mode = EXCLUSIVE');
  database.exec('PRAGMA journal_mode = WAL');
  // The transaction takes the lock, which is then kept.
  database.exec('BEGIN IMMEDIATE; COMMIT');
  database.exec('PRAGMA synchronous = FULL');
  // 16 MiB of log between checkpoints: fewer writes of the same page, and a start after a crash still takes a moment.
  database.exec('PRAGMA wal_autocheckpoint = 4000');
  // A log that one huge transaction has blown up shrinks again.
  database.exec('PRAGMA journal_size_limit = 67108864');
  database.exec('PRAGMA cache_size = -65536');
  database.exec('PRAGMA temp_store = MEMORY');
  migrate(database);
  return database;
}

function execute(
  database: DatabaseSync,
  operations: SqliteOperations,
  { verb, args }: SqliteCall,
): SqliteResult {
  const writes = (writingVerbs as readonly Verb[]).includes(verb);
  const operation = operations[verb] as (...args: readonly unknown[]) => unknown;
  try {
    if (writes) database.exec('SAVEPOINT call');
    const value = operation(...args);
    if (writes) database.exec('RELEASE call');
    return { value };
  } catch (error) {
    // Some failures (a full disk) end the whole transaction by themselves.
    if (writes && database.isTransaction) database.exec('ROLLBACK TO call; RELEASE call');
    return refusal(error);
  }
}

/** All calls in one transaction and one flush to the disk; a call that fails undoes only itself. */
function executeTogether(database: DatabaseSync, operations: SqliteOperations, calls: readonly SqliteCall[]) {
  const writes = calls.some(({ verb }) => (writingVerbs as readonly Verb[]).includes(verb));
  try {
    if (writes) database.exec('BEGIN IMMEDIATE');
    const results: SqliteResult[] = [];
    for (const call of calls) {
      results.push(execute(database, operations, call));
      if (writes && !database.isTransaction) throw new Error('the database ended the transaction');
    }
    if (writes) database.exec('COMMIT');
    return results;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    return calls.map(() => ({ ...refusal(error), unavailable: true }));
  }
}

function serve({ path, states }: ThreadOptions): void {
  const port = parentPort;
  if (!port) throw new Error('sqlite-thread.ts runs in a worker thread only');
  const post = (message: FromThread) => port.postMessage(message);
  let database: DatabaseSync;
  let operations: SqliteOperations;
  try {
    database = open(path);
    operations = createOperations(database, states);
  } catch (error) {
    const reason =
      resultCode(error) === busy
        ? 'another process uses it; a SQLite file has one owner (for several, set TENMA_STORE_URL to a PostgreSQL database)'
        : (error as Error).message;
    post({ failed: reason });
    port.close();
    return;
  }
  port.on('message', (message: ToThread) => {
    if (message === 'close') {
      database.close();
      port.close();
    } else {
      post({ results: executeTogether(database, operations, message.calls) });
    }
  });
  post({ opened: true });
}

serve(workerData as ThreadOptions);
