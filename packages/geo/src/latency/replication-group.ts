import type { ReplicationGroup } from '@tenma/protocol';
import { effectiveRoundTripMs, type LatencySight } from './matrix.ts';

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
  const nearest = [...new Set(candidates)]
    .filter((id) => id !== source)
    .map((id) => ({ id, rttMs: effectiveRoundTripMs(source, id, sight) }))
    .filter(({ rttMs }) => Number.isFinite(rttMs))
    .toSorted((a, b) => a.rttMs - b.rttMs || (a.id < b.id ? -1 : 1))
    .slice(0, Math.max(0, size));
  return {
    source_region: source,
    replication_targets: nearest.map(({ id }) => id),
    latencies_ms: Object.fromEntries(nearest.map(({ id, rttMs }) => [id, rttMs])),
  };
}
