import type { Json, TaskState } from '@tenma/protocol';
import { laneOf, limitKeyColumn } from './lane.ts';
import type { TaskChange, TaskControl, TaskLife, TaskRecord, TaskSpec } from './task-record.ts';

/**
 * How a task stands in a table: a column for what a query looks at, JSON text for the rest. Nothing that changes stands
 * in both, so a statement that changes a column (claim, makeAllDue) cannot leave a document behind.
 */
export const controlColumns = [
  'id',
  'type',
  'region',
  'priority',
  'principal',
  'idempotency_key',
  'created_at',
  'labels',
  'spec',
  'state',
  'revision',
  'due_at',
  'clock_at',
  'dispatch_no',
  'announced',
  'life',
] as const;
export const recordColumns = [...controlColumns, 'input', 'output'] as const;
/** What every change rewrites; `output` besides, when the change has one. */
export const changedColumns = [
  'state',
  'revision',
  'due_at',
  'clock_at',
  'dispatch_no',
  'held_by',
  'announced',
  'life',
] as const;
/** The limit key is of the spec, which never changes. */
export const insertedColumns = [...recordColumns, 'held_by', 'limit_key'] as const;

export interface ControlRow {
  readonly id: string;
  readonly type: string;
  readonly region: string;
  readonly priority: number;
  readonly principal: string;
  readonly idempotency_key: string | null;
  readonly created_at: number;
  readonly labels: string | null;
  readonly spec: string;
  readonly state: TaskState;
  readonly revision: number;
  readonly due_at: number | null;
  readonly clock_at: number | null;
  readonly dispatch_no: number;
  readonly announced: boolean | number;
  readonly life: string;
}

export interface RecordRow extends ControlRow {
  readonly input: string;
  readonly output: string | null;
}

/** Column by column rather than row by row: cheap to hand to another thread and to write as arrays of SQL. */
interface LifeColumns {
  readonly id: string[];
  readonly state: TaskState[];
  readonly revision: number[];
  readonly due_at: (number | null)[];
  readonly clock_at: (number | null)[];
  readonly dispatch_no: number[];
  readonly held_by: (string | null)[];
  /** 0 or 1, which both databases take. */
  readonly announced: number[];
  readonly life: string[];
  readonly output: (string | null)[];
}

export type ChangeColumns = LifeColumns;

export interface TaskColumns extends LifeColumns {
  readonly type: string[];
  readonly region: string[];
  readonly priority: number[];
  readonly principal: string[];
  readonly idempotency_key: (string | null)[];
  readonly created_at: number[];
  readonly labels: (string | null)[];
  readonly spec: string[];
  readonly limit_key: string[];
  readonly input: string[];
}

/** The WEE that the task runs on now; `weeId` stays when it has ended. */
function heldBy({ state, weeId }: TaskLife): string | null {
  return state === 'running' ? weeId : null;
}

export function emptyChangeColumns(): ChangeColumns {
  return {
    id: [],
    state: [],
    revision: [],
    due_at: [],
    clock_at: [],
    dispatch_no: [],
    held_by: [],
    announced: [],
    life: [],
    output: [],
  };
}

export function emptyTaskColumns(): TaskColumns {
  return {
    ...emptyChangeColumns(),
    type: [],
    region: [],
    priority: [],
    principal: [],
    idempotency_key: [],
    created_at: [],
    labels: [],
    spec: [],
    limit_key: [],
    input: [],
  };
}

function pushLife(columns: LifeColumns, id: string, life: TaskLife, output: Json | undefined): void {
  const { state, revision, dueAt, clockAt, dispatchNo, announced, ...rest } = life;
  columns.id.push(id);
  columns.state.push(state);
  columns.revision.push(revision);
  columns.due_at.push(dueAt);
  columns.clock_at.push(clockAt);
  columns.dispatch_no.push(dispatchNo);
  columns.held_by.push(heldBy(life));
  columns.announced.push(announced ? 1 : 0);
  columns.life.push(JSON.stringify(rest));
  columns.output.push(output === undefined ? null : JSON.stringify(output));
}

export function taskColumns(tasks: readonly TaskRecord[]): TaskColumns {
  const columns = emptyTaskColumns();
  for (const task of tasks) {
    const { id, type, region, priority, principal, idempotencyKey, createdAt, labels, ...rest } = task.spec;
    pushLife(columns, id, task.life, task.output ?? undefined);
    columns.type.push(type);
    columns.region.push(region);
    columns.priority.push(priority);
    columns.principal.push(principal);
    // As JSON: PostgreSQL takes neither NUL nor half a surrogate pair, and a key is any text of a caller's choice.
    columns.idempotency_key.push(idempotencyKey === null ? null : JSON.stringify(idempotencyKey));
    columns.created_at.push(createdAt);
    columns.labels.push(labelLines(labels));
    columns.spec.push(JSON.stringify(rest));
    columns.limit_key.push(limitKeyColumn(laneOf(task.spec).limitKey));
    columns.input.push(JSON.stringify(task.input));
  }
  return columns;
}

export function changeColumns(changes: readonly TaskChange[]): ChangeColumns {
  const columns = emptyChangeColumns();
  for (const change of changes) pushLife(columns, change.id, change.life, change.output);
  return columns;
}

export function controlOf(row: ControlRow): TaskControl {
  const spec = JSON.parse(row.spec) as TaskSpec;
  const life = JSON.parse(row.life) as TaskLife;
  return {
    spec: {
      ...spec,
      id: row.id,
      type: row.type,
      region: row.region,
      priority: row.priority,
      principal: row.principal,
      idempotencyKey: row.idempotency_key === null ? null : (JSON.parse(row.idempotency_key) as string),
      createdAt: row.created_at,
      labels: labelsOf(row.labels),
    },
    life: {
      ...life,
      state: row.state,
      revision: row.revision,
      dueAt: row.due_at,
      clockAt: row.clock_at,
      dispatchNo: row.dispatch_no,
      announced: Boolean(row.announced),
    },
  };
}

export function recordOf(row: RecordRow): TaskRecord {
  return {
    ...controlOf(row),
    input: JSON.parse(row.input) as Json,
    output: row.output === null ? null : (JSON.parse(row.output) as Json),
  };
}

/**
 * Labels as lines of `"key":"value"`, each between line feeds: JSON escapes line feeds, so one label is found by
 * searching for its line, in any database and whatever characters it holds.
 */
function labelLines(labels: Readonly<Record<string, string>>): string | null {
  const entries = Object.entries(labels);
  if (entries.length === 0) return null;
  return `\n${entries.map(([key, value]) => labelLine(key, value)).join('\n')}\n`;
}

/** One label as it stands in `labels`, without the line feeds around it. */
export function labelLine(key: string, value: string): string {
  return `${JSON.stringify(key)}:${JSON.stringify(value)}`;
}

function labelsOf(lines: string | null): Record<string, string> {
  if (lines === null) return {};
  return JSON.parse(`{${lines.slice(1, -1).replaceAll('\n', ',')}}`) as Record<string, string>;
}

const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

/** Whether a text can be the id of a stored task; PostgreSQL refuses others with an error instead of finding nothing. */
export function isStorableId(id: string): boolean {
  return uuid.test(id);
}
