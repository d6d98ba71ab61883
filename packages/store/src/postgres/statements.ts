import { stateSets } from '../state-sets.ts';
import { controlColumns, recordColumns } from '../task-row.ts';
import type { Statement } from './database.ts';

/** How far a lane's due tasks are counted. */
const backlogCap = 10_000;
/** Highest first; one range of the index `tasks_due` each, so that tasks due later stand behind it. */
const priorities = 'generate_series(9, 0, -1) AS p (priority)';

/** Every lane in the index of what is due some time, found by leaping from one to the next. */
function lanes(tasks: string): string {
  return `WITH RECURSIVE lane AS (
      (SELECT type, region FROM ${tasks} WHERE due_at IS NOT NULL ORDER BY type, region LIMIT 1)
      UNION ALL
      SELECT next.type, next.region FROM lane CROSS JOIN LATERAL (
        SELECT t.type, t.region FROM ${tasks} AS t
        WHERE t.due_at IS NOT NULL AND (t.type, t.region) > (lane.type, lane.region)
        ORDER BY t.type, t.region LIMIT 1
      ) AS next
    )`;
}

function dispatchingTexts(tasks: string) {
  const ofLane = 't.type = lane.type AND t.region = lane.region AND t.priority = p.priority';
  return {
    /** $1 type, $2 region, $3 now, $4 lease until, $5 limit. */
    claim: `WITH picked AS MATERIALIZED (
        SELECT due.id, due.due_at FROM ${priorities} CROSS JOIN LATERAL (
          SELECT t.id, t.due_at FROM ${tasks} AS t
          WHERE t.type = $1 AND t.region = $2 AND t.priority = p.priority AND t.due_at <= $3
          ORDER BY t.due_at, t.id LIMIT $5 FOR UPDATE SKIP LOCKED
        ) AS due LIMIT $5
      )
      UPDATE ${tasks} AS t SET due_at = $4, dispatch_no = t.dispatch_no + 1, revision = t.revision + 1
      FROM picked WHERE t.id = picked.id
      RETURNING ${recordColumns.map((column) => `t.${column}`).join(', ')}, picked.due_at AS was_due_at`,
    dueLanes: `${lanes(tasks)}
      SELECT lane.type, lane.region, counted.due FROM lane CROSS JOIN LATERAL (
        SELECT count(*)::integer AS due FROM (
          SELECT 1 FROM ${priorities} CROSS JOIN LATERAL (
            SELECT 1 FROM ${tasks} AS t WHERE ${ofLane} AND t.due_at <= $1 LIMIT ${backlogCap}
          ) AS one LIMIT ${backlogCap}
        ) AS capped
      ) AS counted WHERE counted.due > 0`,
    /** $1 now. Sorted, as everybody who locks several rows takes them. */
    notDue: `SELECT id FROM ${tasks}
      WHERE state <> 'succeeded' AND state IN (${stateSets.dueAnyTime}) AND (due_at IS NULL OR due_at > $1) ORDER BY id`,
    /** $1 ids in order, $2 now, $3 states: written out they would tempt the planner to walk through `tasks_state`. */
    makeDue: `UPDATE ${tasks} AS t SET due_at = $2, revision = t.revision + 1
      FROM unnest($1::uuid[]) AS wanted (id)
      WHERE t.id = wanted.id AND t.state = ANY ($3::text[]) AND (t.due_at IS NULL OR t.due_at > $2) RETURNING 1`,
  };
}

function readingTexts(tasks: string) {
  const control = controlColumns.join(', ');
  const record = recordColumns.join(', ');
  return {
    get: `SELECT ${record} FROM ${tasks} WHERE id = $1`,
    controls: `SELECT ${control} FROM ${tasks} WHERE id = ANY ($1::uuid[])`,
    clocksDue: `SELECT ${control} FROM ${tasks} WHERE clock_at <= $1 ORDER BY clock_at LIMIT $2`,
    unannounced: `SELECT ${record} FROM ${tasks}
      WHERE NOT announced AND state IN (${stateSets.ended}) ORDER BY id LIMIT $1`,
    runningOn: `SELECT ${control} FROM ${tasks} WHERE held_by = $1 ORDER BY id`,
    countUnfinished: `SELECT count(*) AS unfinished FROM (
      SELECT 1 FROM ${tasks} WHERE state <> 'succeeded' AND state IN (${stateSets.unfinished}) LIMIT $1) AS capped`,
  };
}

function namedTexts(schema: string) {
  return {
    saveTaskTypes: `INSERT INTO ${schema}.task_types AS old SELECT * FROM unnest($1::text[], $2::text[])
      ON CONFLICT (type) DO UPDATE SET document = excluded.document WHERE old.document <> excluded.document`,
    taskTypes: `SELECT document FROM ${schema}.task_types ORDER BY type`,
    read: `SELECT value FROM ${schema}.named_values WHERE name = $1`,
    create: `INSERT INTO ${schema}.named_values VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1`,
    replace: `UPDATE ${schema}.named_values SET value = $3 WHERE name = $1 AND value = $2 RETURNING 1`,
    /** $1 channel, $2 payloads, $3 what listeners are called. No row when nobody else listens. */
    notify: `SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload
      WHERE (SELECT count(*) FROM pg_stat_activity WHERE application_name = $3) > 1`,
  };
}

/** Every statement of tasks and named values but those of the writer, prepared under its name here. */
export function storeStatements(schema: string) {
  const texts = {
    ...dispatchingTexts(`${schema}.tasks`),
    ...readingTexts(`${schema}.tasks`),
    ...namedTexts(schema),
  };
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, { name, text }])) as Record<
    keyof typeof texts,
    Statement
  >;
}

/** Deletes what the query finds, but for what somebody else is just changing. */
export function forgetStatement(schema: string, query: string): Statement {
  return {
    text: `WITH old AS MATERIALIZED (${query.replaceAll('?', '$')} FOR UPDATE SKIP LOCKED),
      gone AS (DELETE FROM ${schema}.tasks AS t USING old WHERE t.id = old.id RETURNING 1)
      SELECT count(*) AS forgotten FROM gone`,
  };
}
