import { defaults } from '@tenma/protocol';
import { stateSets } from '../state-sets.ts';
import { controlColumns, recordColumns } from '../task-row.ts';
import type { Statement } from './database.ts';

/** How far a lane's due tasks are counted. */
const backlogCap = 10_000;
/** Highest first; one range of the index `tasks_due` each, so that tasks due later stand behind it. */
const priorities = 'generate_series(9, 0, -1) AS p (priority)';
const ofLane = `t.type = lane.type AND t.region = lane.region AND t.limit_key = lane.limit_key
  AND t.priority = p.priority`;
/** Sent and not ended; due again it counts as not sent, unless it runs all the same. */
const isOut = (now: string) =>
  `(t.state = 'running' OR t.due_at IS NULL OR (t.due_at > ${now} AND t.dispatch_no > (t.life::json->>'settledNo')::integer))`;

/** Every lane without a limit key in the index of what is due some time, found by leaping from one to the next. */
function lanes(tasks: string): string {
  return `WITH RECURSIVE lane AS (
      (SELECT type, region, '' AS limit_key FROM ${tasks} WHERE due_at IS NOT NULL ORDER BY type, region LIMIT 1)
      UNION ALL
      SELECT next.type, next.region, '' FROM lane CROSS JOIN LATERAL (
        SELECT t.type, t.region FROM ${tasks} AS t
        WHERE t.due_at IS NOT NULL AND (t.type, t.region) > (lane.type, lane.region)
        ORDER BY t.type, t.region LIMIT 1
      ) AS next
    )`;
}

/** As many lanes, with a limit key or without, as `size` says, after the one that is named. */
function someLanes(tasks: string, [type, region, limitKey, size]: readonly [string, string, string, string]) {
  const nextTo = (...lane: readonly string[]) => `
    SELECT t.type, t.region, t.limit_key FROM ${tasks} AS t
    WHERE t.due_at IS NOT NULL AND (t.type, t.region, t.limit_key) > (${lane.join(', ')})
    ORDER BY t.type, t.region, t.limit_key LIMIT 1`;
  return `WITH RECURSIVE lane AS (
      SELECT first.*, 1 AS n FROM (${nextTo(type, region, limitKey)}) AS first
      UNION ALL
      SELECT next.*, lane.n + 1 FROM lane CROSS JOIN LATERAL (
        ${nextTo('lane.type', 'lane.region', 'lane.limit_key')}
      ) AS next WHERE lane.n < ${size}
    )`;
}

/** Highest first, so that the urgent ones are counted before the cap. */
function countedDue(tasks: string, now: string, cap: string): string {
  return `SELECT count(*)::integer AS due,
      (count(*) FILTER (WHERE one.priority > ${defaults.priority}))::integer AS urgent FROM (
        SELECT p.priority FROM ${priorities} CROSS JOIN LATERAL (
          SELECT 1 FROM ${tasks} AS t WHERE ${ofLane} AND t.due_at <= ${now} LIMIT ${cap}
        ) AS found LIMIT ${cap}
      ) AS one`;
}

function dispatchingTexts(tasks: string) {
  return {
    /** $1 type, $2 region, $3 limit key, $4 now, $5 lease until, $6 limit, $7 the lowest priority. */
    claim: `WITH picked AS MATERIALIZED (
        SELECT due.id, due.due_at FROM generate_series(9, $7::integer, -1) AS p (priority) CROSS JOIN LATERAL (
          SELECT t.id, t.due_at FROM ${tasks} AS t
          WHERE t.type = $1 AND t.region = $2 AND t.limit_key = $3 AND t.priority = p.priority AND t.due_at <= $4
          ORDER BY t.due_at, t.id LIMIT $6 FOR UPDATE SKIP LOCKED
        ) AS due LIMIT $6
      )
      UPDATE ${tasks} AS t SET due_at = $5, dispatch_no = t.dispatch_no + 1, revision = t.revision + 1
      FROM picked WHERE t.id = picked.id
      RETURNING ${recordColumns.map((column) => `t.${column}`).join(', ')}, picked.due_at AS was_due_at`,
    /** $1 now. */
    dueLanes: `${lanes(tasks)}
      SELECT lane.type, lane.region, lane.limit_key, counted.due, counted.urgent
      FROM lane CROSS JOIN LATERAL (${countedDue(tasks, '$1', String(backlogCap))}) AS counted WHERE counted.due > 0`,
    /** $1 now, $2 type, $3 region and $4 limit key of the lane before, $5 how many, $6 how far to count. */
    dueKeyedLanes: `${someLanes(tasks, ['$2', '$3', '$4', '$5'])}
      SELECT lane.type, lane.region, lane.limit_key, counted.due, counted.urgent, newest.spec, newest.created_at
      FROM lane
      LEFT JOIN LATERAL (${countedDue(tasks, '$1', '$6')}) AS counted ON lane.limit_key <> ''
      LEFT JOIN LATERAL (
        SELECT last.* FROM ${priorities} CROSS JOIN LATERAL (
          SELECT t.id, t.spec, t.created_at FROM ${tasks} AS t WHERE ${ofLane} AND t.due_at <= $1
          ORDER BY t.due_at DESC, t.id DESC LIMIT 1
        ) AS last ORDER BY last.id DESC LIMIT 1
      ) AS newest ON lane.limit_key <> '' ORDER BY lane.n`,
    /** $1 now. */
    sentKeyed: `SELECT t.id, t.type, t.limit_key FROM ${tasks} AS t
      WHERE t.limit_key <> '' AND t.dispatch_no > 0 AND t.state NOT IN (${stateSets.ended}) AND ${isOut('$1')}`,
    /** $1 now, $2 the latest end of a lease, $3 types. */
    sentOfTypes: `${lanes(tasks)}
      SELECT t.id, t.type, t.limit_key FROM ${tasks} AS t
      WHERE t.state <> 'succeeded' AND t.state IN (${stateSets.placed}) AND t.type = ANY ($3::text[])
        AND t.limit_key = '' AND ${isOut('$1')}
      UNION ALL
      SELECT sent.id, lane.type, lane.limit_key FROM lane CROSS JOIN ${priorities} CROSS JOIN LATERAL (
        SELECT t.id FROM ${tasks} AS t WHERE ${ofLane} AND t.due_at > $1 AND t.due_at <= $2
          AND t.state NOT IN (${stateSets.placed}) AND ${isOut('$1')}
        -- A range of the index a priority, as everywhere.
        OFFSET 0
      ) AS sent WHERE lane.type = ANY ($3::text[])`,
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
    forgetTaskTypes: `DELETE FROM ${schema}.task_types WHERE type IN (
      SELECT type FROM ${schema}.task_types WHERE type = ANY ($1::text[]) ORDER BY type FOR UPDATE)`,
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
