import { type TaskState, taskStates } from '@tenma/protocol';
import type { Page, TaskFilter } from './store.ts';
import { labelLine, recordColumns, recordOf, type RecordRow } from './task-row.ts';

export interface SqlQuery {
  /** With `?1`, `?2`, … for the parameters. */
  readonly sql: string;
  readonly parameters: readonly (string | number)[];
}

/** What the two databases call the position of a text in a text. */
export interface ListDialect {
  readonly table: string;
  readonly position: 'instr' | 'strpos';
}

/** How far the time inside an id may be from the task's `createdAt`; lets a range of time become a range of ids. */
export const idSlackMs = 60_000;

/**
 * The SQL of a page, newest first; asks for one row more than the page holds, to know whether another follows. A
 * choice of states becomes one ordered branch a state, so that each is a range of the index by state and id however
 * many tasks there are; `succeeded`, which that index leaves out, is found along the primary key.
 */
export function listQuery(
  filter: TaskFilter,
  page: { size: number; after: string | null },
  { table, position }: ListDialect,
): SqlQuery {
  const parameters: (string | number)[] = [];
  const bind = (value: string | number) => `?${parameters.push(value)}`;
  const conditions: string[] = [];
  if (page.after !== null) conditions.push(`id < ${bind(page.after)}`);
  if (filter.type !== undefined) conditions.push(`type = ${bind(filter.type)}`);
  if (filter.region !== undefined) conditions.push(`region = ${bind(filter.region)}`);
  if (filter.createdAfter !== undefined) {
    conditions.push(`created_at >= ${bind(filter.createdAfter)}`);
    conditions.push(`id >= ${bind(firstIdOf(filter.createdAfter - idSlackMs))}`);
  }
  if (filter.createdBefore !== undefined) {
    conditions.push(`created_at < ${bind(filter.createdBefore)}`);
    conditions.push(`id < ${bind(firstIdOf(filter.createdBefore + idSlackMs))}`);
  }
  for (const [key, value] of Object.entries(filter.labels ?? {})) {
    conditions.push(`${position}(labels, ${bind(`\n${labelLine(key, value)}\n`)}) > 0`);
  }
  const limit = bind(page.size + 1);
  const branches = stateConditions(filter.states).map((state) => {
    const all = [...state, ...conditions];
    const where = all.length > 0 ? `WHERE ${all.join(' AND ')} ` : '';
    return `SELECT ${recordColumns.join(', ')} FROM ${table} ${where}ORDER BY id DESC LIMIT ${limit}`;
  });
  const sql =
    branches.length === 1
      ? (branches[0] ?? '')
      : `${branches.map((branch, index) => `SELECT * FROM (${branch}) AS branch${index}`).join(' UNION ALL ')} ORDER BY id DESC LIMIT ${limit}`;
  return { sql, parameters };
}

/** The page from the rows of `listQuery`. */
export function pageOf(rows: readonly RecordRow[], size: number): Page {
  const items = rows.slice(0, size).map(recordOf);
  return { items, next: rows.length > size ? (items.at(-1)?.spec.id ?? null) : null };
}

/** One list of conditions for each branch of the query. The states come from the vocabulary, never from outside. */
function stateConditions(states: readonly TaskState[] | undefined): string[][] {
  const chosen = states && taskStates.filter((state) => states.includes(state));
  if (!chosen || chosen.length === taskStates.length) return [[]];
  if (chosen.length === 0) return [['1 = 0']];
  return chosen.map((state) =>
    state === 'succeeded' ? [`state = 'succeeded'`] : [`state = '${state}'`, `state <> 'succeeded'`],
  );
}

/** The least UUIDv7 made at this time or later. */
export function firstIdOf(epochMs: number): string {
  const hex = Math.min(Math.max(0, Math.floor(epochMs)), 2 ** 48 - 1)
    .toString(16)
    .padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}
