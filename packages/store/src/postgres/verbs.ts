import { defaults, type TaskType } from '@tenma/protocol';
import type { Blobs } from '../blobs.ts';
import type { Documents, Observations } from '../documents.ts';
import { forgetInTurns, forgetQuery } from '../forget-query.ts';
import { beforeAllLanes, limitKeyColumn } from '../lane.ts';
import {
  backlogOf,
  type BacklogRow,
  keyedLanesOf,
  type KeyedLaneRow,
  sentTaskOf,
  type SentTaskRow,
} from '../lane-row.ts';
import { dueAnyTime } from '../state-sets.ts';
import type { Store } from '../store.ts';
import { listQuery, pageOf } from '../task-list.ts';
import { type ControlRow, controlOf, isStorableId, recordOf, type RecordRow } from '../task-row.ts';
import type { Database, Statement, Value } from './database.ts';
import { forgetStatement, storeStatements } from './statements.ts';

/** Tasks made due by one statement, well within its time limit. */
const dueTogether = 2_000;

type Verbs = Omit<
  Store,
  | 'status'
  | 'onStatus'
  | 'insert'
  | 'apply'
  | 'notify'
  | 'onNotify'
  | typeof Symbol.asyncDispose
  | keyof Documents
  | keyof Observations
  | keyof Blobs
>;

/** All verbs of tasks and named values but the batched writes and the notifications. */
export function storeVerbs(database: Database, schema: string): Verbs {
  return {
    ...dispatchingVerbs(database, schema),
    ...readingVerbs(database, schema),
    ...namedVerbs(database, schema),
  };
}

/** Rows as this module knows them to come from its own tables. */
const rowsOf =
  (database: Database) =>
  <Row>(statement: Statement, ...values: Value[]): Promise<Row[]> =>
    database.rows(statement, values) as Promise<Row[]>;

type LaneVerbs = Pick<Verbs, 'claim' | 'dueLanes' | 'dueKeyedLanes' | 'sentTasks'>;

function laneVerbs(database: Database, schema: string): LaneVerbs {
  const rows = rowsOf(database);
  const statements = storeStatements(schema);
  return {
    async claim({ type, region, limitKey }, { now, leaseUntil, limit, urgentOnly = false }) {
      const claimed = await rows<RecordRow & { was_due_at: number }>(
        statements.claim,
        type,
        region,
        limitKeyColumn(limitKey),
        now,
        leaseUntil,
        limit,
        urgentOnly ? defaults.priority + 1 : 0,
      );
      return claimed
        .sort((a, b) => b.priority - a.priority || a.was_due_at - b.was_due_at || (a.id < b.id ? -1 : 1))
        .map(recordOf);
    },
    dueLanes: async (now) => (await rows<BacklogRow>(statements.dueLanes, now)).map(backlogOf),
    async dueKeyedLanes(now, { size, after, countUpTo }) {
      const { type, region, limitKey } = after ?? beforeAllLanes;
      const before = [type, region, limitKeyColumn(limitKey)];
      return keyedLanesOf(
        await rows<KeyedLaneRow>(statements.dueKeyedLanes, now, ...before, size, countUpTo),
        size,
      );
    },
    async sentTasks({ now, leasedUntil, types }) {
      const found = await Promise.all([
        rows<SentTaskRow>(statements.sentKeyed, now),
        types.length === 0 ? [] : rows<SentTaskRow>(statements.sentOfTypes, now, leasedUntil, types),
      ]);
      return found.flat().map(sentTaskOf);
    },
  };
}

type DispatchingVerbs = LaneVerbs & Pick<Verbs, 'clocksDue' | 'makeAllDue' | 'forgetTasks'>;

function dispatchingVerbs(database: Database, schema: string): DispatchingVerbs {
  const rows = rowsOf(database);
  const statements = storeStatements(schema);
  return {
    ...laneVerbs(database, schema),
    async clocksDue(now, limit) {
      return (await rows<ControlRow>(statements.clocksDue, now, limit)).map(controlOf);
    },
    async makeAllDue(now) {
      const ids = (await rows<{ id: string }>(statements.notDue, now)).map((row) => row.id);
      let made = 0;
      for (let start = 0; start < ids.length; start += dueTogether) {
        const some = `{${ids.slice(start, start + dueTogether).join(',')}}`;
        made += (await rows(statements.makeDue, some, now, dueAnyTime)).length;
      }
      return made;
    },
    forgetTasks: (what) =>
      forgetInTurns(what, async (some) => {
        const { sql, parameters } = forgetQuery(some, {
          table: `${schema}.tasks`,
          finishedAt: "(life::json->>'finishedAt')::bigint",
        });
        const [row] = await rows<{ forgotten: number }>(forgetStatement(schema, sql), ...parameters);
        return row?.forgotten ?? 0;
      }),
  };
}

type NamedVerbs = Pick<Verbs, 'saveTaskTypes' | 'taskTypes' | 'forgetTaskTypes' | 'compareAndSet' | 'read'>;

function namedVerbs(database: Database, schema: string): NamedVerbs {
  const rows = rowsOf(database);
  const statements = storeStatements(schema);
  return {
    async saveTaskTypes(types) {
      // The last of each, since a statement writes a row once; sorted, as everybody who locks several rows takes them.
      const latest = new Map(types.map((type) => [type.type, JSON.stringify(type)]));
      const names = [...latest.keys()].toSorted();
      if (names.length === 0) return;
      await rows(
        statements.saveTaskTypes,
        names,
        names.map((name) => latest.get(name) ?? ''),
      );
    },
    async taskTypes() {
      const found = await rows<{ document: string }>(statements.taskTypes);
      return found.map((row) => JSON.parse(row.document) as TaskType);
    },
    async forgetTaskTypes(names) {
      if (names.length > 0) await rows(statements.forgetTaskTypes, names);
    },
    async compareAndSet(name, expected, value) {
      const written =
        expected === null
          ? await rows(statements.create, name, value)
          : await rows(statements.replace, name, expected, value);
      return written.length === 1;
    },
    async read(name) {
      const [row] = await rows<{ value: string }>(statements.read, name);
      return row?.value ?? null;
    },
  };
}

function readingVerbs(
  database: Database,
  schema: string,
): Omit<Verbs, keyof DispatchingVerbs | keyof NamedVerbs> {
  const rows = rowsOf(database);
  const statements = storeStatements(schema);
  return {
    async get(id) {
      const [row] = isStorableId(id) ? await rows<RecordRow>(statements.get, id) : [];
      return row ? recordOf(row) : null;
    },
    async list(filter, page) {
      const { sql, parameters } = listQuery(filter, page, { table: `${schema}.tasks`, position: 'strpos' });
      const found = await rows<RecordRow>({ text: sql.replaceAll('?', '$') }, ...parameters);
      return pageOf(found, page.size);
    },
    async controls(ids) {
      const known = ids.filter(isStorableId);
      return (await rows<ControlRow>(statements.controls, `{${known.join(',')}}`)).map(controlOf);
    },
    async unannounced(limit) {
      return (await rows<RecordRow>(statements.unannounced, limit)).map(recordOf);
    },
    async runningOn(weeId) {
      return (await rows<ControlRow>(statements.runningOn, weeId)).map(controlOf);
    },
    async countUnfinished(limit) {
      const [row] = await rows<{ unfinished: number }>(statements.countUnfinished, limit);
      return row?.unfinished ?? 0;
    },
  };
}
