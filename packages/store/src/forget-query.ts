import { observePrincipal } from '@tenma/protocol';
import { stateSets } from './state-sets.ts';
import type { Store } from './store.ts';
import { firstIdOf, idSlackMs, type SqlQuery } from './task-list.ts';

/** Deleted by one statement, well within its time limit; between two of them others get their turn. */
const forgottenTogether = 1_000;

export type Forgetting = Parameters<Store['forgetTasks']>[0];

/**
 * The SQL that finds the ids to delete. Along the primary key, which is in the order of creation; but probes, which
 * come by the thousand and go long before all other tasks, have an index of their own, and it is only this order
 * that leads the planner to it. For any other principal the tasks of everybody are walked through. What was created
 * long ago and has ended only now is kept as long as anything else: `finishedAt` is the SQL for the end in `life`.
 */
export function forgetQuery(
  { createdBefore, principal, limit }: Forgetting,
  { table, finishedAt }: { table: string; finishedAt: string },
): SqlQuery {
  const parameters: (string | number)[] = [];
  const bind = (value: string | number) => `?${parameters.push(value)}`;
  const conditions = [`state IN (${stateSets.ended})`, 'announced', `created_at < ${bind(createdBefore)}`];
  const isObserve = principal === observePrincipal;
  if (isObserve) conditions.push(`principal = '${observePrincipal}'`);
  else if (principal !== undefined) conditions.push(`principal = ${bind(principal)}`);
  if (!isObserve) {
    conditions.push(`id < ${bind(firstIdOf(createdBefore + idSlackMs))}`);
    conditions.push(`coalesce(${finishedAt}, created_at) < ${bind(createdBefore)}`);
  }
  const order = isObserve ? 'created_at' : 'id';
  return {
    sql: `SELECT id FROM ${table} WHERE ${conditions.join(' AND ')} ORDER BY ${order} LIMIT ${bind(limit)}`,
    parameters,
  };
}

/** Forgets up to `limit` tasks, some at a time, until no more are found. */
export async function forgetInTurns(
  what: Forgetting,
  forget: (some: Forgetting) => Promise<number>,
): Promise<number> {
  let forgotten = 0;
  while (forgotten < what.limit) {
    const limit = Math.min(what.limit - forgotten, forgottenTogether);
    const gone = await forget({ ...what, limit });
    forgotten += gone;
    if (gone < limit) break;
  }
  return forgotten;
}
