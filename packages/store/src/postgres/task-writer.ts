import { createBatcher } from '@tenma/runtime';
import { type InsertOutcome, StoreUnavailableError } from '../store.ts';
import type { TaskChange, TaskRecord } from '../task-record.ts';
import {
  type ChangeColumns,
  changeColumns,
  changedColumns,
  type ControlRow,
  controlColumns,
  controlOf,
  emptyChangeColumns,
  emptyTaskColumns,
  insertedColumns,
  isStorableId,
  type TaskColumns,
  taskColumns,
} from '../task-row.ts';
import { type Column, unnestSql, unnestValues } from './columns.ts';
import type { Database, Statement } from './database.ts';

/** Statements of a kind under way at once: while one waits for the disk the next is being written. */
const concurrency = 2;
const maxCallsTogether = 500;
const maxCharactersTogether = 2 * 1024 * 1024;

/** The two writes of the hot path; concurrent calls share a statement and thereby a commit. */
export interface TaskWriter {
  insert(tasks: readonly TaskRecord[]): Promise<InsertOutcome[]>;
  apply(changes: readonly TaskChange[]): Promise<string[]>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

/** An empty text arrives as null. */
const newColumns = insertedColumns.map((column) =>
  column === 'limit_key' ? `coalesce(${column}, '')` : column,
);
const appliedColumns = ['id', ...changedColumns, 'output'] as const satisfies readonly Column[];

function writingStatements(schema: string): Record<'insert' | 'existing' | 'apply', Statement> {
  const tasks = `${schema}.tasks`;
  const control = controlColumns.map((column) => `t.${column}`).join(', ');
  return {
    insert: {
      name: 'insert',
      text: `INSERT INTO ${tasks} (${insertedColumns.join(', ')})
        SELECT ${newColumns.join(', ')} FROM ${unnestSql('new', insertedColumns)} ON CONFLICT DO NOTHING RETURNING id`,
    },
    existing: {
      name: 'existing',
      text: `SELECT ${control} FROM ${unnestSql('wanted', ['id'])} JOIN ${tasks} AS t ON t.id = wanted.id
        UNION ALL
        SELECT ${control} FROM ${unnestSql('wanted', ['principal', 'idempotency_key'], 2)}
        JOIN ${tasks} AS t ON t.principal = wanted.principal AND t.idempotency_key = wanted.idempotency_key`,
    },
    apply: {
      name: 'apply',
      text: `UPDATE ${tasks} AS t
        SET ${changedColumns.map((column) => `${column} = change.${column}`).join(', ')},
          output = coalesce(change.output, t.output)
        FROM ${unnestSql('change', appliedColumns)}
        WHERE t.id = change.id AND t.revision = change.revision - 1 RETURNING t.id`,
    },
  };
}

export function createTaskWriter(database: Database, schema: string): TaskWriter {
  const statements = writingStatements(schema);
  const batching = {
    maxItems: maxCallsTogether,
    maxSize: maxCharactersTogether,
    sizeOf: charactersOf,
    concurrency,
  };
  const inserts = createBatcher<TaskColumns, Settled<InsertOutcome[]>>({
    ...batching,
    flush: (calls) => together(calls, (some) => insertTogether(database, statements, some)),
  });
  const applies = createBatcher<ChangeColumns, Settled<string[]>>({
    ...batching,
    flush: (calls) => together(calls, (some) => applyTogether(database, statements, some)),
  });
  return {
    insert: async (tasks) => settledValue(await inserts.add(taskColumns(tasks))),
    async apply(changes) {
      const known = changes.filter((change) => isStorableId(change.id));
      const unknown = changes.filter((change) => !isStorableId(change.id));
      const refused = settledValue(await applies.add(changeColumns(known)));
      return [...refused, ...unknown.map((change) => change.id)];
    },
    async idle() {
      await Promise.all([inserts.idle(), applies.idle()]);
    },
  };
}

type Settled<Value> = { value: Value } | { error: unknown };

function settledValue<Value>(settled: Settled<Value>): Value {
  if ('error' in settled) throw settled.error;
  return settled.value;
}

/** Runs the calls as one; when that fails for a fault in one of them, each alone, so that only that one fails. */
async function together<Call, Value>(
  calls: readonly Call[],
  run: (calls: readonly Call[]) => Promise<Value[]>,
): Promise<Settled<Value>[]> {
  try {
    return (await run(calls)).map((value) => ({ value }));
  } catch (error) {
    if (calls.length === 1 || error instanceof StoreUnavailableError) return calls.map(() => ({ error }));
    const alone: Settled<Value>[] = [];
    for (const call of calls) alone.push(...(await together([call], run)));
    return alone;
  }
}

async function insertTogether(
  database: Database,
  statements: ReturnType<typeof writingStatements>,
  calls: readonly TaskColumns[],
): Promise<InsertOutcome[][]> {
  const all = merged(emptyTaskColumns(), calls);
  const rows = await database.rows<{ id: string }>(
    statements.insert,
    unnestValues(insertedColumns, all, insertOrder(all)),
  );
  const fresh = new Set(rows.map((row) => row.id));
  const isNew = all.id.map((id) => fresh.delete(id));
  const standing = isNew.includes(false) ? await existingOf(database, statements.existing, all, isNew) : null;
  const outcomes = all.id.map((id, index): InsertOutcome => {
    if (isNew[index]) return { inserted: true };
    const key = all.idempotency_key[index] ?? null;
    const row = standing?.byId.get(id) ?? standing?.byKey.get(keyOf(all.principal[index] ?? '', key));
    if (!row) throw new Error(`task ${id} was refused, and nothing stands in its place`);
    return { inserted: false, existing: controlOf(row) };
  });
  return split(outcomes, calls);
}

/**
 * By key, so that concurrent statements wait for each other's keys in one direction only. Tasks with the same key stay
 * in the order given: the first wins.
 */
function insertOrder(all: TaskColumns): number[] {
  const order = [...all.id.keys()];
  if (all.idempotency_key.every((key) => key === null)) return order;
  const keys = order.map((index) => keyOf(all.principal[index] ?? '', all.idempotency_key[index] ?? null));
  return order.sort((a, b) => compare(keys[a] ?? '', keys[b] ?? ''));
}

async function existingOf(
  database: Database,
  statement: Statement,
  all: TaskColumns,
  isNew: readonly boolean[],
) {
  const refused = [...all.id.keys()].filter((index) => !isNew[index]);
  const rows = await database.rows<ControlRow & Record<string, unknown>>(
    statement,
    unnestValues(['id', 'principal', 'idempotency_key'], all, refused),
  );
  return {
    byId: new Map(rows.map((row) => [row.id, row])),
    byKey: new Map(rows.map((row) => [keyOf(row.principal, row.idempotency_key), row])),
  };
}

async function applyTogether(
  database: Database,
  statements: ReturnType<typeof writingStatements>,
  calls: readonly ChangeColumns[],
): Promise<string[][]> {
  const all = merged(emptyChangeColumns(), calls);
  const written = all.id.map(() => false);
  for (const round of applyRounds(all.id)) {
    const rows = await database.rows<{ id: string }>(
      statements.apply,
      unnestValues(appliedColumns, all, round),
    );
    const ids = new Set(rows.map((row) => row.id));
    for (const index of round) written[index] = ids.has(all.id[index] ?? '');
  }
  const answers = split(written, calls);
  return calls.map((call, n) => call.id.filter((_, index) => !answers[n]?.[index]));
}

/**
 * One statement can write a row once, so the second change of a task goes into a second one. By id, so that concurrent
 * statements lock rows in one direction only.
 */
function applyRounds(ids: readonly string[]): number[][] {
  const rounds: number[][] = [];
  const seen = new Map<string, number>();
  for (const [index, id] of ids.entries()) {
    const round = seen.get(id) ?? 0;
    seen.set(id, round + 1);
    (rounds[round] ??= []).push(index);
  }
  for (const round of rounds) round.sort((a, b) => compare(ids[a] ?? '', ids[b] ?? ''));
  return rounds;
}

function keyOf(principal: string, key: string | null): string {
  return key === null ? '' : JSON.stringify([principal, key]);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function charactersOf(columns: { id: string[]; output: (string | null)[]; input?: string[] }): number {
  const documents = [...(columns.input ?? []), ...columns.output];
  return documents.reduce((sum, document) => sum + (document?.length ?? 0), columns.id.length * 1_000);
}

/** Adds the columns of all calls, one call after the other, to the empty ones. */
function merged<Columns extends ChangeColumns>(empty: Columns, calls: readonly Columns[]): Columns {
  const [only] = calls;
  if (only && calls.length === 1) return only;
  for (const name of Object.keys(empty) as (keyof Columns)[]) {
    const target = empty[name] as unknown[];
    for (const call of calls) for (const value of call[name] as unknown[]) target.push(value);
  }
  return empty;
}

/** Cuts what was answered for all calls together into the answers of each. */
function split<Answer>(answers: readonly Answer[], calls: readonly { id: string[] }[]): Answer[][] {
  let start = 0;
  return calls.map((call) => answers.slice(start, (start += call.id.length)));
}
