import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { defaults, type TaskType } from '@tenma/protocol';
import type { Clock, Log } from '@tenma/runtime';
import { blobOf, blobRow, type Blobs } from '../blobs.ts';
import { documentColumns, documentOf, tracesKeptMs } from '../document-row.ts';
import { type Documents, type Observations, observationsKept } from '../documents.ts';
import { forgetInTurns, forgetQuery } from '../forget-query.ts';
import { observationColumns, observationOf } from '../observation-row.ts';
import { beforeAllLanes, type Lane, limitKeyColumn } from '../lane.ts';
import { backlogOf, keyedLanesOf, sentTaskOf } from '../lane-row.ts';
import { reportStatus } from '../reported-status.ts';
import type { InsertOutcome, Store } from '../store.ts';
import { listQuery, pageOf } from '../task-list.ts';
import { changeColumns, type ControlRow, controlOf, recordOf, taskColumns } from '../task-row.ts';
import type { LaneColumns } from './sqlite-lanes.ts';
import { type SqliteThread, startSqliteThread } from './thread-client.ts';

const inSqlite = { table: 'tasks', finishedAt: "json_extract(life, '$.finishedAt')" };

export interface SqliteStoreOptions {
  /** The file; its folder is made when it is missing. */
  readonly path: string;
}

/**
 * The store of a single process: one file, owned exclusively, durable at every commit (WAL, synchronous=FULL).
 * @throws Error when the file cannot be opened, another process owns it, or a newer Tenma wrote it
 */
export async function createSqliteStore(
  { log, clock }: { log: Log; clock: Clock },
  options: SqliteStoreOptions,
): Promise<Store> {
  const path = resolve(options.path);
  await mkdir(dirname(path), { recursive: true });
  const status = reportStatus('connected');
  const thread = await startSqliteThread({ log, onLost: () => status.become('closed') }, { path });
  const verbs = {
    ...taskVerbs(thread),
    ...documentVerbs(thread, clock),
    ...observationVerbs(thread),
    ...blobVerbs(thread),
  };
  return {
    get status() {
      return thread.open ? 'connected' : 'closed';
    },
    onStatus: (listener) => status.onStatus(listener),
    ...verbs,
    // The file has one owner: there is nobody else to tell or to hear from.
    notify: () => Promise.resolve(),
    onNotify: () => ({ [Symbol.dispose]: () => {} }),
    async [Symbol.asyncDispose]() {
      if (!thread.open) return thread.gone;
      await thread.close();
      status.become('closed');
    },
  };
}

type TaskVerbs = Omit<
  Store,
  | 'status'
  | 'onStatus'
  | 'notify'
  | 'onNotify'
  | typeof Symbol.asyncDispose
  | keyof Documents
  | keyof Observations
  | keyof Blobs
>;

function laneVerbs({
  call,
}: Pick<SqliteThread, 'call'>): Pick<Store, 'claim' | 'dueLanes' | 'dueKeyedLanes' | 'sentTasks'> {
  return {
    async claim(lane, { urgentOnly = false, ...options }) {
      const priority = urgentOnly ? defaults.priority + 1 : 0;
      return (await call('claim', columnsOf(lane), { ...options, priority })).map(recordOf);
    },
    async dueLanes(now) {
      return (await call('dueLanes', now, defaults.priority)).map(backlogOf);
    },
    async dueKeyedLanes(now, { after, ...page }) {
      const asked = { ...page, after: columnsOf(after ?? beforeAllLanes) };
      return keyedLanesOf(await call('dueKeyedLanes', { now, usual: defaults.priority }, asked), page.size);
    },
    async sentTasks({ now, leasedUntil, types }) {
      return (await call('sentTasks', now, leasedUntil, types)).map(sentTaskOf);
    },
  };
}

function columnsOf({ type, region, limitKey }: Lane): LaneColumns {
  return [type, region, limitKeyColumn(limitKey)];
}

function taskVerbs({ call }: SqliteThread): TaskVerbs {
  return {
    async insert(tasks) {
      if (tasks.length === 0) return [];
      return (await call('insert', taskColumns(tasks))).map(outcomeOf);
    },
    async get(id) {
      const row = await call('get', id);
      return row && recordOf(row);
    },
    async list(filter, page) {
      const query = listQuery(filter, page, { table: 'tasks', position: 'instr' });
      return pageOf(await call('list', query), page.size);
    },
    async controls(ids) {
      return (await call('controls', ids)).map(controlOf);
    },
    async apply(changes) {
      if (changes.length === 0) return [];
      return call('apply', changeColumns(changes));
    },
    ...laneVerbs({ call }),
    async clocksDue(now, limit) {
      return (await call('clocksDue', now, limit)).map(controlOf);
    },
    async unannounced(limit) {
      return (await call('unannounced', limit)).map(recordOf);
    },
    async runningOn(weeId) {
      return (await call('runningOn', weeId)).map(controlOf);
    },
    makeAllDue: (now) => call('makeAllDue', now),
    forgetTasks: (what) => forgetInTurns(what, (some) => call('forgetTasks', forgetQuery(some, inSqlite))),
    countUnfinished: (limit) => call('countUnfinished', limit),
    saveTaskTypes: (types) => call('saveTaskTypes', types),
    async taskTypes() {
      return (await call('taskTypes')).map((document) => JSON.parse(document) as TaskType);
    },
    forgetTaskTypes: (names) => call('forgetTaskTypes', names),
    compareAndSet: (name, expected, value) => call('compareAndSet', name, expected, value),
    read: (name) => call('read', name),
  };
}

function documentVerbs({ call }: SqliteThread, clock: Clock): Documents {
  return {
    async writeDocuments(writes) {
      const now = clock.now();
      return call('writeDocuments', documentColumns(writes), { now, tracesSince: now - tracesKeptMs });
    },
    async documentsSince(version) {
      return (await call('documentsSince', version)).map(documentOf);
    },
  };
}

function blobVerbs({ call }: SqliteThread): Blobs {
  return {
    putBlobPart: (blob, part, data) => call('putBlobPart', blobRow(blob), part, data),
    async blob(id) {
      const row = await call('blob', id);
      return row && blobOf(row);
    },
    blobPart: (id, part) => call('blobPart', id, part),
    forgetBlobParts: ({ expiredBy, limit }) => call('forgetBlobParts', expiredBy, limit),
  };
}

function observationVerbs({ call }: SqliteThread): Observations {
  return {
    async recordObservations(rows) {
      if (rows.length > 0) await call('recordObservations', observationColumns(rows), observationsKept);
    },
    async observations(target, limit) {
      return (await call('observations', target, limit)).map(observationOf);
    },
    forgetObservations: (targets) => call('forgetObservations', targets),
  };
}

function outcomeOf(existing: ControlRow | null): InsertOutcome {
  return existing ? { inserted: false, existing: controlOf(existing) } : { inserted: true };
}
