import type { DatabaseSync } from 'node:sqlite';
import type { TaskType } from '@tenma/protocol';
import type { StateSets } from '../state-sets.ts';
import type { SqlQuery } from '../task-list.ts';
import {
  type ChangeColumns,
  changedColumns,
  type ControlRow,
  controlColumns,
  insertedColumns,
  recordColumns,
  type RecordRow,
  type TaskColumns,
} from '../task-row.ts';

const control = controlColumns.join(', ');
const record = recordColumns.join(', ');

/** The verbs of tasks, task types and named values, in the thread that owns the database. */
export function tasksOf(database: DatabaseSync, states: StateSets) {
  return {
    ...writingOf(database, states),
    ...readingOf(database, states),
    ...namedOf(database),
  };
}

function writingOf(database: DatabaseSync, states: StateSets) {
  const insertOne = database.prepare(
    `INSERT INTO tasks (${insertedColumns.join(', ')})
     VALUES (${insertedColumns.map(() => '?').join(', ')}) ON CONFLICT DO NOTHING`,
  );
  const byId = database.prepare(`SELECT ${control} FROM tasks WHERE id = ?`);
  const byKey = database.prepare(`SELECT ${control} FROM tasks WHERE principal = ? AND idempotency_key = ?`);
  const applyOne = database.prepare(
    `UPDATE tasks SET ${changedColumns.map((column) => `${column} = ?`).join(', ')}, output = coalesce(?, output)
     WHERE id = ? AND revision = ?`,
  );
  const allDue = database.prepare(
    `UPDATE tasks SET due_at = ?1, revision = revision + 1
     WHERE state <> 'succeeded' AND state IN (${states.dueAnyTime})
       AND (due_at IS NULL OR due_at > ?1)`,
  );
  return {
    /** For each task null when it is in, else the one in its place. */
    insert(tasks: TaskColumns): (ControlRow | null)[] {
      return tasks.id.map((id, i) => {
        const written = insertOne.run(...insertedColumns.map((column) => tasks[column][i] ?? null));
        if (written.changes === 1) return null;
        const existing =
          byId.get(id) ?? byKey.get(tasks.principal[i] ?? null, tasks.idempotency_key[i] ?? null);
        return existing as unknown as ControlRow;
      });
    },
    /** The ids of the changes that were refused. */
    apply(changes: ChangeColumns): string[] {
      return changes.id.filter((id, i) => {
        const values = changedColumns.map((column) => changes[column][i] ?? null);
        const written = applyOne.run(
          ...values,
          changes.output[i] ?? null,
          id,
          (changes.revision[i] ?? 0) - 1,
        );
        return written.changes === 0;
      });
    },
    makeAllDue(now: number): number {
      return Number(allDue.run(now).changes);
    },
    /** Deletes the tasks whose ids are found; returns how many. */
    forgetTasks({ sql, parameters }: SqlQuery): number {
      return Number(database.prepare(`DELETE FROM tasks WHERE id IN (${sql})`).run(...parameters).changes);
    },
  };
}

function readingOf(database: DatabaseSync, states: StateSets) {
  const byId = database.prepare(`SELECT ${record} FROM tasks WHERE id = ?`);
  const controlById = database.prepare(`SELECT ${control} FROM tasks WHERE id = ?`);
  const clocks = database.prepare(
    `SELECT ${control} FROM tasks WHERE clock_at <= ? ORDER BY clock_at LIMIT ?`,
  );
  const unannounced = database.prepare(
    `SELECT ${record} FROM tasks WHERE announced = 0 AND state IN (${states.ended}) ORDER BY id LIMIT ?`,
  );
  const held = database.prepare(`SELECT ${control} FROM tasks WHERE held_by = ? ORDER BY id`);
  const unfinished = database.prepare(
    `SELECT count(*) AS unfinished FROM (
       SELECT 1 FROM tasks WHERE state <> 'succeeded' AND state IN (${states.unfinished}) LIMIT ?)`,
  );
  return {
    get: (id: string) => (byId.get(id) as unknown as RecordRow | undefined) ?? null,
    controls: (ids: readonly string[]) =>
      ids.flatMap((id) => (controlById.get(id) as unknown as ControlRow | undefined) ?? []),
    list: ({ sql, parameters }: SqlQuery) =>
      database.prepare(sql).all(...parameters) as unknown as RecordRow[],
    clocksDue: (now: number, limit: number) => clocks.all(now, limit) as unknown as ControlRow[],
    unannounced: (limit: number) => unannounced.all(limit) as unknown as RecordRow[],
    runningOn: (weeId: string) => held.all(weeId) as unknown as ControlRow[],
    countUnfinished: (limit: number) => Number(unfinished.get(limit)?.['unfinished']),
  };
}

function namedOf(database: DatabaseSync) {
  const saveType = database.prepare(
    'INSERT INTO task_types VALUES (?, ?) ON CONFLICT DO UPDATE SET document = excluded.document',
  );
  const types = database.prepare('SELECT document FROM task_types ORDER BY type');
  const forgetType = database.prepare('DELETE FROM task_types WHERE type = ?');
  const readValue = database.prepare('SELECT value FROM named_values WHERE name = ?');
  const writeValue = database.prepare(
    'INSERT INTO named_values VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
  );
  const read = (name: string) => (readValue.get(name)?.['value'] as string | undefined) ?? null;
  return {
    saveTaskTypes(saved: readonly TaskType[]): void {
      for (const type of saved) saveType.run(type.type, JSON.stringify(type));
    },
    taskTypes: () => types.all().map((row) => String(row['document'])),
    forgetTaskTypes(names: readonly string[]): void {
      for (const name of names) forgetType.run(name);
    },
    read,
    compareAndSet(name: string, expected: string | null, value: string): boolean {
      if (read(name) !== expected) return false;
      writeValue.run(name, value);
      return true;
    },
  };
}
