import type { TaskLimit } from '@tenma/protocol';
import { limitKeyOf } from './lane.ts';
import type { KeyedLanes, LaneBacklog, SentTask } from './store.ts';

interface LaneRow {
  readonly type: string;
  readonly region: string;
  readonly limit_key: string;
}

export interface BacklogRow extends LaneRow {
  readonly due: number;
  readonly urgent: number;
}

/** A lane that was looked at. Null where it has no key or nothing due. */
export interface KeyedLaneRow extends LaneRow {
  readonly due: number | null;
  readonly urgent: number | null;
  /** Of its newest due task. */
  readonly spec: string | null;
  readonly created_at: number | null;
}

export interface SentTaskRow {
  readonly id: string;
  readonly type: string;
  readonly limit_key: string;
}

export function backlogOf({ type, region, limit_key, due, urgent }: BacklogRow): LaneBacklog {
  return { type, region, limitKey: limitKeyOf(limit_key), due, urgent };
}

/** The page from all lanes that were looked at, in their order. */
export function keyedLanesOf(rows: readonly KeyedLaneRow[], size: number): KeyedLanes {
  const items = rows.flatMap(({ due, urgent, spec, created_at, ...lane }) => {
    if (due === null || urgent === null || spec === null || created_at === null) return [];
    const { limit } = JSON.parse(spec) as { limit: TaskLimit };
    return [{ ...backlogOf({ ...lane, due, urgent }), limit, limitAt: created_at }];
  });
  const last = rows.length < size ? undefined : rows.at(-1);
  return {
    items,
    next: last ? { type: last.type, region: last.region, limitKey: limitKeyOf(last.limit_key) } : null,
  };
}

export function sentTaskOf({ id, type, limit_key }: SentTaskRow): SentTask {
  return { id, type, limitKey: limitKeyOf(limit_key) };
}
