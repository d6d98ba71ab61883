import type { LatencyCell } from '@tenma/protocol';

/** The shortest that a cell can be, as JSON. */
const leastCellBytes = JSON.stringify({
  rtt_ms: 0,
  p50_ms: 0,
  p95_ms: 0,
  kind: 'floor',
  samples: 0,
  age_ms: 0,
  error_ms: 0,
} satisfies LatencyCell).length;

/** The least that the matrix, and its cells where they are asked for, can take as JSON, known before it is made. */
export function leastJsonBytes(
  fromCount: number,
  ids: readonly string[],
  { cells }: { cells: boolean },
): number {
  const matrix = leastTableBytes(fromCount, ids, '0'.length);
  return cells ? matrix + leastTableBytes(fromCount, ids, leastCellBytes) : matrix;
}

/** Rows by id, in each a value for each other id. */
function leastTableBytes(fromCount: number, ids: readonly string[], valueBytes: number): number {
  const entry = '"":,'.length + valueBytes;
  const idsAndEntries = ids.reduce((sum, id) => sum + id.length + entry, 0);
  // A row has an id of its own in front and none inside: the lengths of the ids cancel out.
  return fromCount * (idsAndEntries + '"":{}'.length - entry - 1);
}
