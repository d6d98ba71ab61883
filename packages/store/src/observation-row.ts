import type { Json } from '@tenma/protocol';
import { type ObservationRow, observationsKept } from './documents.ts';

/** Column by column, as tasks travel. */
export interface ObservationColumns {
  readonly target: string[];
  /** Of its target among the rows of this call, from 0. */
  readonly nth: number[];
  readonly at: number[];
  /** JSON text. */
  readonly value: string[];
}

export interface StoredObservation {
  readonly target: string;
  readonly at: number;
  readonly value: string;
}

/** Of each target the last ones that are kept; by target, in the order given. */
export function observationColumns(rows: readonly ObservationRow[]): ObservationColumns {
  const byTarget = new Map<string, ObservationRow[]>();
  for (const row of rows) {
    const others = byTarget.get(row.target);
    if (others) others.push(row);
    else byTarget.set(row.target, [row]);
  }
  const columns: ObservationColumns = { target: [], nth: [], at: [], value: [] };
  // Sorted, as everybody who locks several rows takes them.
  for (const target of [...byTarget.keys()].toSorted()) {
    for (const [nth, { at, value }] of (byTarget.get(target) ?? []).slice(-observationsKept).entries()) {
      columns.target.push(target);
      columns.nth.push(nth);
      columns.at.push(at);
      columns.value.push(JSON.stringify(value));
    }
  }
  return columns;
}

export function observationOf({ target, at, value }: StoredObservation): ObservationRow {
  return { target, at, value: JSON.parse(value) as Json };
}
