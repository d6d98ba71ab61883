import type { RegionStatus } from '@tenma/protocol';
import type { RegionVerdict } from './detector.ts';
import { damped, type Flaps, noFlaps, releaseAt } from './flap-damping.ts';
import { regionReason, type RegionTally, regionVerdictOf } from './region-verdict.ts';
import type { NodeState } from './watched-node.ts';

/** A region with its nodes, counted. Only the detector changes it. */
export interface RegionState {
  readonly regionId: string;
  maintenance: boolean;
  readonly nodes: Set<NodeState>;
  readonly tally: { offline: number; unknown: number; held: number; quarantined: number };
  status: RegionStatus;
  reason: string | null;
  since: number;
  quarantined: boolean;
  /** Since when it would be offline, while that has not held for long enough. */
  offlineSince: number | null;
  /** What it was when last known to be `up` (in service, however badly) or down. */
  lastKnown: 'up' | 'down' | 'unknown';
  flaps: Flaps;
  /** Not judged before the next tick: its nodes are being added. */
  restoring: boolean;
  dueAt: number;
}

export function newRegion(regionId: string, now: number, restored?: RegionVerdict): RegionState {
  const { status = 'unknown', reason = null, since = now, quarantined = false } = restored ?? {};
  return {
    regionId,
    maintenance: false,
    nodes: new Set(),
    tally: { offline: 0, unknown: 0, held: 0, quarantined: 0 },
    status,
    reason,
    since,
    quarantined,
    offlineSince: null,
    lastKnown: knownAs(status),
    flaps: { ...noFlaps, quarantined },
    restoring: restored !== undefined,
    dueAt: Number.POSITIVE_INFINITY,
  };
}

/** Counts a node in (`by` 1), or out (-1) before it is changed. */
export function count({ tally }: RegionState, { seen, flaps }: NodeState, by: 1 | -1): void {
  if (seen === 'offline') tally.offline += by;
  else if (flaps.quarantined) tally.held += by;
  if (seen === 'unknown') tally.unknown += by;
  if (flaps.quarantined) tally.quarantined += by;
}

/** Judges the region by its counts; whether its status or quarantine is another one than before. */
export function settleRegion(region: RegionState, holdMs: number, now: number): boolean {
  if (region.restoring) return false;
  const { status, quarantined } = region;
  const tally: RegionTally = { ...region.tally, maintenance: region.maintenance, nodes: region.nodes.size };
  const next = heldBack(region, regionVerdictOf(tally), holdMs, now);
  const known = knownAs(next);
  const wentDown = region.lastKnown === 'up' && known === 'down';
  if (known !== 'unknown') region.lastKnown = known;
  region.flaps = damped(region.flaps, { wentDown, isUp: known === 'up' }, now);
  region.quarantined = region.flaps.quarantined || region.tally.quarantined * 2 > region.nodes.size;
  region.status = next;
  if (next !== status) region.since = now;
  const changed = next !== status || region.quarantined !== quarantined;
  region.reason = regionReason(next, tally);
  const heldUntil = region.offlineSince === null ? Number.POSITIVE_INFINITY : region.offlineSince + holdMs;
  region.dueAt = Math.min(heldUntil, releaseAt(region.flaps));
  return changed;
}

/** Offline counts once it has held; until then all stays as it was, or degraded if that cannot be. */
function heldBack(region: RegionState, verdict: RegionStatus, holdMs: number, now: number): RegionStatus {
  if (verdict !== 'offline' || region.status === 'offline') {
    region.offlineSince = null;
    return verdict;
  }
  region.offlineSince ??= now;
  if (now - region.offlineSince < holdMs) return region.status === 'maintenance' ? 'degraded' : region.status;
  region.offlineSince = null;
  return 'offline';
}

function knownAs(status: RegionStatus): 'up' | 'down' | 'unknown' {
  if (status === 'offline') return 'down';
  return status === 'online' || status === 'degraded' ? 'up' : 'unknown';
}

export function regionVerdict({ status, reason, since, quarantined }: RegionState): RegionVerdict {
  return { status, reason, since, quarantined };
}
