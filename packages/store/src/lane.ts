import type { TaskSpec } from './task-record.ts';

/** Tasks that the dispatcher takes together: one type asked for in one region, with one limit key or with none. */
export interface Lane {
  readonly type: string;
  readonly region: string;
  /** Empty for tasks without a limit of their own. */
  readonly limitKey: string;
}

/** No lane comes before it in the order of lanes. */
export const beforeAllLanes: Lane = { type: '', region: '', limitKey: '' };

export function laneOf({ type, region, limit }: Pick<TaskSpec, 'type' | 'region' | 'limit'>): Lane {
  return { type, region, limitKey: limit?.key ?? '' };
}

/** As JSON: PostgreSQL takes neither NUL nor half a surrogate pair, and a key is any text of a caller's choice. */
export function limitKeyColumn(limitKey: string): string {
  return limitKey === '' ? '' : JSON.stringify(limitKey);
}

export function limitKeyOf(column: string): string {
  return column === '' ? '' : (JSON.parse(column) as string);
}
