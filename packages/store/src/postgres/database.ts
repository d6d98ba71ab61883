import { type Clock, every, fullJitterMs, type Log, reconnectBackoff, sleep } from '@tenma/runtime';
import pg from 'pg';
import { createListeners } from '../listeners.ts';
import { reportStatus } from '../reported-status.ts';
import { StoreUnavailableError, type StoreStatus } from '../store.ts';
import { migrate } from './postgres-schema.ts';
import { reasonOf, storeError } from './unavailable.ts';

const statementTimeoutMs = 5_000;
/** The server ends a statement by itself before; this is for one that does not answer at all. */
const answerTimeoutMs = 6_000;
const connectTimeoutMs = 5_000;
const heartbeatMs = 5_000;
const int8 = 20;

export interface Statement {
  /** Named statements are prepared once a connection. */
  readonly name?: string;
  readonly text: string;
}

export type Value = string | number | boolean | null | Uint8Array | readonly (string | null)[];

/** A connection to one schema that returns by itself, for ever. */
export interface Database extends AsyncDisposable {
  readonly status: StoreStatus;
  onStatus(listener: (status: StoreStatus) => void): Disposable;
  /** @throws StoreUnavailableError */
  rows<Row extends pg.QueryResultRow>(statement: Statement, values: readonly Value[]): Promise<Row[]>;
  onNotification(listener: (payload: string) => void): Disposable;
}

export interface DatabaseOptions {
  readonly url: string;
  readonly schema: string;
  readonly channel: string;
  readonly poolSize: number;
}

/**
 * The planner's guesses about a table that was empty a moment ago are worse than none, and it keeps them for as long as
 * a prepared plan lives: every statement of the store has its index, and takes it. Generic plans from the first call,
 * because folding arrays of a megabyte into a plan costs more than running it. Commits wait for the disk whatever the
 * role's default is.
 */
const settings = `
  SET statement_timeout = ${statementTimeoutMs};
  SET idle_in_transaction_session_timeout = ${2 * statementTimeoutMs};
  SET enable_seqscan = off;
  SET enable_bitmapscan = off;
  SET enable_hashjoin = off;
  SET enable_mergejoin = off;
  SET jit = off;
  SET plan_cache_mode = force_generic_plan;
  SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')
`;

function connectionConfig(url: string): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: 'tenma',
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: answerTimeoutMs,
    keepAlive: true,
    types: {
      // Milliseconds and counts: far below 2^53.
      getTypeParser: ((oid: number, format: 'text') =>
        oid === int8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
    },
  };
}

function openPool({ log }: { log: Log }, config: pg.ClientConfig, size: number): pg.Pool {
  const pool = new pg.Pool({
    ...config,
    max: size,
    // The pool waits for it, whatever its types say.
    onConnect: ((client: pg.ClientBase) => client.query(settings)) as (client: pg.ClientBase) => void,
  });
  // An idle connection that breaks is replaced when the next one is needed; the sentinel does the reporting.
  pool.on('error', (error) => log.debug({ err: error }, 'an idle PostgreSQL connection broke'));
  return pool;
}

/** Connects in the background; until it has, every query is refused. */
export function openDatabase({ log, clock }: { log: Log; clock: Clock }, options: DatabaseOptions): Database {
  const config = connectionConfig(options.url);
  const status = reportStatus('connecting');
  const notifications = createListeners<[string]>();
  const closing = new AbortController();
  const underWay = new Set<Promise<unknown>>();
  const pool = openPool({ log }, config, options.poolSize);
  const sentinel = keepSentinel({ log, clock }, config, options, closing.signal, {
    onUp: () => status.become('connected'),
    onDown: () => status.become('connecting'),
    onNotification: (payload) => notifications.call(payload),
  });

  async function query<Row extends pg.QueryResultRow>(
    statement: Statement,
    values: readonly Value[],
  ): Promise<Row[]> {
    try {
      return (await pool.query<Row>({ ...statement, values: [...values] })).rows;
    } catch (error) {
      throw storeError(error);
    }
  }

  return {
    get status() {
      return status.current;
    },
    onStatus: (listener) => status.onStatus(listener),
    onNotification: (listener) => notifications.add(listener),
    async rows<Row extends pg.QueryResultRow>(
      statement: Statement,
      values: readonly Value[],
    ): Promise<Row[]> {
      if (status.current !== 'connected') throw new StoreUnavailableError(`PostgreSQL is ${status.current}`);
      const running = query<Row>(statement, values);
      underWay.add(running);
      try {
        return await running;
      } finally {
        underWay.delete(running);
      }
    },
    async [Symbol.asyncDispose]() {
      if (closing.signal.aborted) return sentinel;
      status.become('closed');
      await Promise.allSettled(underWay);
      closing.abort(new Error('closed'));
      await sentinel;
      await pool.end();
    },
  };
}

interface SentinelEvents {
  onUp(): void;
  onDown(): void;
  onNotification(payload: string): void;
}

/**
 * One connection that does not serve queries: it brings the schema up to date, listens for notifications, and by its
 * life tells whether the server is there. Lost, it is made again until `closing`.
 */
async function keepSentinel(
  { log, clock }: { log: Log; clock: Clock },
  config: pg.ClientConfig,
  { schema, channel }: DatabaseOptions,
  closing: AbortSignal,
  events: SentinelEvents,
): Promise<void> {
  for (let failures = 0; !closing.aborted; failures += 1) {
    const client = new pg.Client(config);
    const abandon = () => client.connection.stream.destroy();
    closing.addEventListener('abort', abandon);
    try {
      // Without a listener an error of the connection would end the process.
      client.on('error', (error) => log.debug({ err: error }, 'the PostgreSQL connection broke'));
      client.on('notification', ({ payload }) => events.onNotification(payload ?? ''));
      await client.connect();
      await client.query(settings);
      await migrate(client, schema);
      await client.query(`SET application_name = '${listenerName(channel)}'`);
      await client.query(`LISTEN ${channel}`);
      if (failures > 0) log.info({ failures }, 'PostgreSQL is back');
      failures = 0;
      events.onUp();
      const reason = await lossOf(client, clock);
      if (!closing.aborted) log.warn({ reason }, 'the connection to PostgreSQL ended');
    } catch (error) {
      const entry = { err: error, failures: failures + 1 };
      if (!closing.aborted) log.warn(entry, `PostgreSQL cannot be used (${reasonOf(error)}); trying again`);
    } finally {
      closing.removeEventListener('abort', abandon);
      events.onDown();
      abandon();
    }
    const waitMs = fullJitterMs(reconnectBackoff, failures + 1, Math.random);
    await sleep(clock, waitMs, closing).catch(() => {});
  }
}

/** What the server calls the connections that listen on the channel: by it a store knows whether others do. */
export function listenerName(channel: string): string {
  return `tenma:${channel}`;
}

/** Resolves with the reason when the connection has ended or no longer answers. */
function lossOf(client: pg.Client, clock: Clock): Promise<string> {
  return new Promise((resolve) => {
    const heartbeat = every(clock, heartbeatMs, async () => {
      await client.query('SELECT 1').catch((error: unknown) => end(reasonOf(error)));
    });
    const end = (reason: string) => {
      heartbeat[Symbol.dispose]();
      resolve(reason);
    };
    client.on('end', () => end('the server closed it'));
  });
}
