import type { DatabaseSync } from 'node:sqlite';
import type { BacklogRow, KeyedLaneRow, SentTaskRow } from '../lane-row.ts';
import type { StateSets } from '../state-sets.ts';
import { recordColumns, type RecordRow } from '../task-row.ts';

/** How far a lane's due tasks are counted. */
const backlogCap = 10_000;
const priorities = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0] as const;
const ofLane = 'type = ? AND region = ? AND limit_key = ? AND priority = ?';

/** A lane as its columns are; the limit key as it stands in the table. */
export type LaneColumns = readonly [type: string, region: string, limitKey: string];

interface LaneRow {
  readonly type: string;
  readonly region: string;
  readonly limit_key: string;
}

/** The verbs of lanes, in the thread that owns the database. `usual`: the priority above which a task is urgent. */
export function lanesOf(database: DatabaseSync, states: StateSets) {
  return { ...claimingOf(database), ...surveyingOf(database), ...sentOf(database, states) };
}

interface Claim {
  readonly now: number;
  readonly leaseUntil: number;
  readonly limit: number;
  /** The lowest. */
  readonly priority: number;
}

function claimingOf(database: DatabaseSync) {
  // One range of the index a priority: tasks due later stand behind it, whatever their priority.
  const dueOf = database.prepare(
    `SELECT ${recordColumns.join(', ')} FROM tasks
     WHERE ${ofLane} AND due_at <= ? ORDER BY due_at, id LIMIT ?`,
  );
  const lease = database.prepare(
    'UPDATE tasks SET due_at = ?, dispatch_no = dispatch_no + 1, revision = revision + 1 WHERE id = ?',
  );
  return {
    claim(lane: LaneColumns, { now, leaseUntil, limit, priority: lowest }: Claim): RecordRow[] {
      const rows: RecordRow[] = [];
      for (const priority of priorities) {
        const left = limit - rows.length;
        if (left <= 0 || priority < lowest) break;
        rows.push(...(dueOf.all(...lane, priority, now, left) as unknown as RecordRow[]));
      }
      return rows.map((row) => {
        lease.run(leaseUntil, row.id);
        return { ...row, due_at: leaseUntil, dispatch_no: row.dispatch_no + 1, revision: row.revision + 1 };
      });
    },
  };
}

/** Leaps from a lane to the next in the index of what is due some time. */
function leapsOf(database: DatabaseSync) {
  // A question a column: for `(type, region) > (?, ?)` SQLite walks through all of the lane it should leap over.
  const columns = 'SELECT type, region, limit_key FROM tasks WHERE due_at IS NOT NULL';
  const nextKey = database.prepare(
    `${columns} AND type = ? AND region = ? AND limit_key > ? ORDER BY limit_key LIMIT 1`,
  );
  const nextRegion = database.prepare(
    `${columns} AND type = ? AND region > ? ORDER BY region, limit_key LIMIT 1`,
  );
  const nextType = database.prepare(`${columns} AND type > ? ORDER BY type, region, limit_key LIMIT 1`);
  const afterRegion = (type: string, region: string) =>
    (nextRegion.get(type, region) ?? nextType.get(type)) as unknown as LaneRow | undefined;
  return {
    after: ([type, region, limitKey]: LaneColumns) =>
      (nextKey.get(type, region, limitKey) as unknown as LaneRow | undefined) ?? afterRegion(type, region),
    /** Leaps over all limit keys. */
    afterRegion,
  };
}

function unkeyedLanes({ afterRegion }: ReturnType<typeof leapsOf>): LaneRow[] {
  const found: LaneRow[] = [];
  for (let lane = afterRegion('', ''); lane; lane = afterRegion(lane.type, lane.region)) {
    found.push({ ...lane, limit_key: '' });
  }
  return found;
}

function surveyingOf(database: DatabaseSync) {
  const leaps = leapsOf(database);
  const countDue = database.prepare(
    `SELECT count(*) AS due FROM (SELECT 1 FROM tasks WHERE ${ofLane} AND due_at <= ? LIMIT ?)`,
  );
  const newestOf = database.prepare(
    `SELECT id, spec, created_at FROM tasks WHERE ${ofLane} AND due_at <= ? ORDER BY due_at DESC, id DESC LIMIT 1`,
  );
  type Newest = { id: string; spec: string; created_at: number };

  function counted({ type, region, limit_key }: LaneRow, now: number, usual: number, cap: number) {
    let due = 0;
    let urgent = 0;
    for (const priority of priorities) {
      if (due >= cap) break;
      due += Number(countDue.get(type, region, limit_key, priority, now, cap - due)?.['due']);
      if (priority > usual) urgent = due;
    }
    return { due, urgent };
  }

  function newest({ type, region, limit_key }: LaneRow, now: number): Newest | undefined {
    let found: Newest | undefined;
    for (const priority of priorities) {
      const one = newestOf.get(type, region, limit_key, priority, now) as unknown as Newest | undefined;
      if (one && (!found || one.id > found.id)) found = one;
    }
    return found;
  }

  return {
    dueLanes(now: number, usual: number): BacklogRow[] {
      return unkeyedLanes(leaps)
        .map((lane) => ({ ...lane, ...counted(lane, now, usual, backlogCap) }))
        .filter(({ due }) => due > 0);
    },
    dueKeyedLanes(
      { now, usual }: { now: number; usual: number },
      { size, after, countUpTo }: { size: number; after: LaneColumns; countUpTo: number },
    ): KeyedLaneRow[] {
      const rows: KeyedLaneRow[] = [];
      for (let lane = leaps.after(after); lane && rows.length < size; ) {
        const last = lane.limit_key === '' ? undefined : newest(lane, now);
        const count = last ? counted(lane, now, usual, countUpTo) : { due: null, urgent: null };
        rows.push({ ...lane, ...count, spec: last?.spec ?? null, created_at: last?.created_at ?? null });
        lane = leaps.after([lane.type, lane.region, lane.limit_key]);
      }
      return rows;
    },
  };
}

function sentOf(database: DatabaseSync, states: StateSets) {
  const leaps = leapsOf(database);
  // Sent and not ended; due again it counts as not sent, unless it runs all the same.
  const isOut = (now: string) =>
    `(state = 'running' OR due_at IS NULL OR (due_at > ${now} AND dispatch_no > json_extract(life, '$.settledNo')))`;
  const keyed = database.prepare(
    `SELECT id, type, limit_key FROM tasks
     WHERE limit_key <> '' AND dispatch_no > 0 AND state NOT IN (${states.ended}) AND ${isOut('?1')}`,
  );
  const placed = database.prepare(
    `SELECT id, type, limit_key FROM tasks
     WHERE state <> 'succeeded' AND state IN (${states.placed})
       AND type IN (SELECT value FROM json_each(?2)) AND limit_key = '' AND ${isOut('?1')}`,
  );
  const leased = database.prepare(
    `SELECT id, type, limit_key FROM tasks
     WHERE ${ofLane} AND due_at > ? AND due_at <= ? AND state NOT IN (${states.placed})
       AND dispatch_no > json_extract(life, '$.settledNo')`,
  );
  return {
    sentTasks(now: number, leasedUntil: number, types: readonly string[]): SentTaskRow[] {
      const found = keyed.all(now);
      if (types.length > 0) found.push(...placed.all(now, JSON.stringify(types)));
      for (const { type, region } of types.length > 0 ? unkeyedLanes(leaps) : []) {
        if (!types.includes(type)) continue;
        for (const priority of priorities)
          found.push(...leased.all(type, region, '', priority, now, leasedUntil));
      }
      return found as unknown as SentTaskRow[];
    },
  };
}
