import type { RegionStatus } from '@tenma/protocol';

/** The nodes of a region, counted by what is seen of them now. */
export interface RegionTally {
  readonly maintenance: boolean;
  readonly nodes: number;
  readonly offline: number;
  readonly unknown: number;
  /** Seen up or not at all, but said to be offline because they flap. */
  readonly held: number;
}

/**
 * A region is left for what is seen of it, not for its past: nodes that are only held in quarantine make it degraded,
 * and no target, but never offline.
 */
export function regionVerdictOf({ maintenance, nodes, offline, unknown, held }: RegionTally): RegionStatus {
  if (maintenance) return 'maintenance';
  if (nodes === 0) return 'online';
  if (offline * 2 > nodes) return 'offline';
  if (unknown === nodes) return 'unknown';
  return offline + held > 0 ? 'degraded' : 'online';
}

/** Why it is not simply online; null when it is. */
export function regionReason(
  status: RegionStatus,
  { nodes, offline, unknown, held }: RegionTally,
): string | null {
  if (status === 'maintenance') return 'set by hand';
  const parts = [
    offline > 0 ? `${offline} of ${nodes} nodes offline` : '',
    held > 0 ? `${held} of ${nodes} nodes in quarantine` : '',
    unknown > 0 ? `${unknown} of ${nodes} nodes unknown` : '',
  ].filter((part) => part !== '');
  return parts.length === 0 ? null : parts.join(', ');
}
