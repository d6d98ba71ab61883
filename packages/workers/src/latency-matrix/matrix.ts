import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Place, roundTripFloorMs } from './great-circle.ts';

export interface Region extends Place {
  readonly id: string;
}

/** Other attempts of the process get their turn at least this often. */
const sliceMs = 5;

/**
 * The floor of the round trip in ms, to 0.1: a row for each of `from`, in it a number for each of `regions`. Gives the
 * event loop back every few milliseconds; then it calls `onRows` with the rows done, and rejects when `signal` has
 * aborted.
 */
export async function latencyFloors(
  from: readonly Place[],
  regions: readonly Place[],
  { signal, onRows }: { signal: AbortSignal; onRows: (done: number) => void },
): Promise<number[][]> {
  const rows: number[][] = [];
  let sliceEndsAt = performance.now() + sliceMs;
  for (const origin of from) {
    rows.push(regions.map((to) => Math.round(roundTripFloorMs(origin, to) * 10) / 10));
    if (performance.now() < sliceEndsAt) continue;
    onRows(rows.length);
    await nextTurn();
    signal.throwIfAborted();
    sliceEndsAt = performance.now() + sliceMs;
  }
  return rows;
}

/** Round trips in ms: from, to. A region has no entry to itself. */
export type Matrix = Record<string, Record<string, number>>;

/** Gives the rows of `latencyFloors` the ids of their regions. */
export function matrixOf(
  rows: readonly number[][],
  from: readonly Region[],
  regions: readonly Region[],
): Matrix {
  const matrix: Matrix = dictionary();
  for (const [at, { id: origin }] of from.entries()) {
    const row = dictionary<number>();
    for (const [to, { id }] of regions.entries()) {
      const floor = rows[at]?.[to];
      if (id !== origin && floor !== undefined) row[id] = floor;
    }
    matrix[origin] = row;
  }
  return matrix;
}

/**
 * An object without a prototype is a hash table from its first key. A plain one gets a hidden class for each key that
 * it gains: for a thousand rows of a thousand keys, each lacking another, that takes V8 ten seconds.
 */
function dictionary<Value>(): Record<string, Value> {
  return Object.create(null) as Record<string, Value>;
}

/** The least that the matrix can take as JSON, in bytes, known before it is made. */
export function leastJsonBytes(from: readonly Region[], regions: readonly Region[]): number {
  const entry = '"":0,'.length;
  const idsAndEntries = regions.reduce((sum, { id }) => sum + id.length + entry, 0);
  // A row has an id of its own in front and none inside: the lengths of the ids cancel out.
  return from.length * (idsAndEntries + '"":{}'.length - entry - 1);
}
