import type { Offline, PoolPresence, Presence, TaskType } from '@tenma/protocol';

/** What one WEE last said of itself. */
export interface WeeView {
  readonly presence: Presence;
  readonly seenAt: number;
}

/** A pool of a region, over all the WEEs that serve it. */
export interface PoolView {
  /** `region/pool`: unique in the fleet. */
  readonly key: string;
  readonly region: string;
  readonly pool: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly queue: string;
  readonly cost: TaskType['cost'];
  readonly slots: number;
  readonly running: number;
  readonly held: number;
  readonly wees: readonly string[];
}

/** The fleet as presence shows it. Immutable: every function returns a new view, or the same one if nothing changed. */
export interface FleetView {
  readonly wees: ReadonlyMap<string, WeeView>;
  /** Pools that at least one online WEE serves, by {@link PoolView.key}. */
  readonly pools: ReadonlyMap<string, PoolView>;
}

export const emptyFleet: FleetView = { wees: new Map(), pools: new Map() };

/** A WEE spoke, or its will did. A goodbye of an earlier boot is stale and changes nothing. */
export function withPresence(fleet: FleetView, message: Presence | Offline, now: number): FleetView {
  const known = fleet.wees.get(message.wee_id);
  if (message.status === 'offline') {
    if (!known || known.presence.boot_id !== message.boot_id) return fleet;
    return without(fleet, [message.wee_id]);
  }
  const wees = new Map(fleet.wees);
  wees.set(message.wee_id, { presence: message as Presence, seenAt: now });
  return { wees, pools: poolsOf(wees) };
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
  return { wees, pools: fleet.pools };
}

function without(fleet: FleetView, ids: readonly string[]): FleetView {
  const wees = new Map(fleet.wees);
  for (const id of ids) wees.delete(id);
  return { wees, pools: poolsOf(wees) };
}

function poolsOf(wees: ReadonlyMap<string, WeeView>): ReadonlyMap<string, PoolView> {
  const pools = new Map<string, PoolView>();
  for (const { presence } of wees.values()) {
    if (presence.status !== 'online') continue;
    for (const served of presence.pools) {
      const key = poolKey(presence.region, served.pool);
      pools.set(key, merge(pools.get(key), presence, served, key));
    }
  }
  return pools;
}

function merge(pool: PoolView | undefined, wee: Presence, served: PoolPresence, key: string): PoolView {
  const cost = wee.types.find((type) => type.type === served.type)?.cost ?? 'light';
  return {
    key,
    region: wee.region,
    pool: served.pool,
    type: served.type,
    labels: served.labels,
    queue: served.queue,
    cost,
    slots: (pool?.slots ?? 0) + served.slots,
    running: (pool?.running ?? 0) + served.running,
    held: (pool?.held ?? 0) + served.held,
    wees: [...(pool?.wees ?? []), wee.wee_id],
  };
}

export function poolKey(region: string, pool: string): string {
  return `${region}/${pool}`;
}
