import type { Offline, Presence } from '@tenma/protocol';
import { byType, poolsOf, type PoolView } from './pool-view.ts';

/** What one WEE last said of itself. */
export interface WeeView {
  readonly presence: Presence;
  readonly seenAt: number;
}

/** The fleet as presence shows it. Immutable: every function returns a new view, or the same one if nothing changed. */
export interface FleetView {
  readonly wees: ReadonlyMap<string, WeeView>;
  /** Pools that at least one online WEE serves, by {@link PoolView.key}. */
  readonly pools: ReadonlyMap<string, PoolView>;
  /** The same pools by task type: placement looks at those of one type, for every task. */
  readonly poolsByType: ReadonlyMap<string, readonly PoolView[]>;
}

export const emptyFleet: FleetView = { wees: new Map(), pools: new Map(), poolsByType: new Map() };

/** A WEE spoke, or its will did. A goodbye of an earlier boot is stale and changes nothing. */
export function withPresence(fleet: FleetView, message: Presence | Offline, now: number): FleetView {
  const known = fleet.wees.get(message.wee_id);
  if (message.status === 'offline') {
    if (!known || known.presence.boot_id !== message.boot_id) return fleet;
    return without(fleet, [message.wee_id]);
  }
  const wees = new Map(fleet.wees);
  wees.set(message.wee_id, { presence: message as Presence, seenAt: now });
  return viewOf(wees);
}

/**
 * Forgets WEEs that have been silent for `silentMs`. Call it only while presence can arrive: a view that is cut off is
 * frozen, not emptied.
 */
export function withoutSilent(fleet: FleetView, now: number, silentMs: number): FleetView {
  const silent = [...fleet.wees].filter(([, wee]) => now - wee.seenAt > silentMs).map(([id]) => id);
  return silent.length === 0 ? fleet : without(fleet, silent);
}

/** After being cut off, silence counts from now on. */
export function withFreshSight(fleet: FleetView, now: number): FleetView {
  const wees = new Map([...fleet.wees].map(([id, wee]) => [id, { ...wee, seenAt: now }]));
  return { ...fleet, wees };
}

function without(fleet: FleetView, ids: readonly string[]): FleetView {
  const wees = new Map(fleet.wees);
  for (const id of ids) wees.delete(id);
  return viewOf(wees);
}

function viewOf(wees: ReadonlyMap<string, WeeView>): FleetView {
  const pools = poolsOf([...wees.values()].map(({ presence }) => presence));
  return { wees, pools, poolsByType: byType(pools.values()) };
}
