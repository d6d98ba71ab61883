import type { ReplicationGroup } from '@tenma/protocol';
import { type LatencySight, roundTripsFrom } from './matrix.ts';

/**
 * The `size` candidates nearest to `source` by effective round trip, nearest first; equally near ones by id. The
 * source itself and candidates without a place are never in it.
 */
export function replicationGroup(
  source: string,
  candidates: readonly string[],
  size: number,
  sight: LatencySight,
): ReplicationGroup {
  const nearest = [...roundTripsFrom(source, candidates, sight)]
    .map(([id, rttMs]) => ({ id, rttMs }))
    .filter(({ id, rttMs }) => id !== source && Number.isFinite(rttMs))
    .toSorted((a, b) => a.rttMs - b.rttMs || (a.id < b.id ? -1 : 1))
    .slice(0, Math.max(0, size));
  return {
    source_region: source,
    replication_targets: nearest.map(({ id }) => id),
    latencies_ms: Object.fromEntries(nearest.map(({ id, rttMs }) => [id, rttMs])),
  };
}
