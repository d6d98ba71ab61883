import { assumedMsOf, majorOf, type PoolPresence, type Presence, slotsOf } from '@tenma/protocol';

/** What a pool, or one WEE of it, can take and has taken. */
export interface Load {
  /** What its attempts can take at once. */
  readonly slots: number;
  /** Slots taken. */
  readonly busy: number;
  /** Attempts. */
  readonly running: number;
  /** Tasks taken from the queue and not started. */
  readonly held: number;
  /** Slots of one attempt, on average. */
  readonly cost: number;
  /**
   * What an attempt takes, in milliseconds: measured of late; where nobody has, what the same version takes elsewhere;
   * else assumed by the cost class of its type.
   */
  readonly meanMs: number;
}

/** A pool as one WEE serves it. */
export interface PoolMember extends Load {
  readonly weeId: string;
  /** For what is addressed to this WEE alone; null: it has no queue of its own. */
  readonly queue: string | null;
  /** Of the worker, that take tasks there: the stable one, and the candidate beside it. */
  readonly versions: readonly string[];
}

/** A pool of a region, over all the WEEs that serve it. */
export interface PoolView extends Load {
  /** `region/pool`: unique in the fleet. */
  readonly key: string;
  readonly region: string;
  readonly pool: string;
  readonly type: string;
  readonly major: number;
  readonly versions: readonly string[];
  readonly labels: readonly string[];
  readonly queue: string;
  /** Where tasks above the default priority go; null: into its queue like the others. */
  readonly urgentQueue: string | null;
  readonly wees: readonly string[];
  readonly members: readonly PoolMember[];
}

export function poolKey(region: string, pool: string): string {
  return `${region}/${pool}`;
}

/** The pools that online WEEs serve, by {@link PoolView.key}. */
export function poolsOf(presences: Iterable<Presence>): ReadonlyMap<string, PoolView> {
  const serving = new Map<string, Serving[]>();
  for (const presence of presences) {
    if (presence.status !== 'online') continue;
    for (const served of presence.pools) {
      const key = poolKey(presence.region, served.pool);
      const found = serving.get(key);
      if (found) found.push({ presence, served });
      else serving.set(key, [{ presence, served }]);
    }
  }
  const elsewhere = measuredMeans([...serving.values()].flat());
  return new Map([...serving].map(([key, together]) => [key, poolView(key, together, elsewhere)]));
}

/** What attempts of each version of each type take on average, where somebody has measured it. */
function measuredMeans(serving: readonly Serving[]): ReadonlyMap<string, number> {
  const totals = new Map<string, { ms: number; slots: number }>();
  for (const { served } of serving) {
    if (typeof served.mean_ms !== 'number') continue;
    const slots = Math.max(1, served.slots);
    const total = totals.get(versionKey(served)) ?? { ms: 0, slots: 0 };
    totals.set(versionKey(served), { ms: total.ms + served.mean_ms * slots, slots: total.slots + slots });
  }
  return new Map([...totals].map(([key, { ms, slots }]) => [key, ms / slots]));
}

function versionKey({ type, version }: PoolPresence): string {
  return `${type}@${version}`;
}

export function byType(pools: Iterable<PoolView>): ReadonlyMap<string, readonly PoolView[]> {
  const types = new Map<string, PoolView[]>();
  for (const pool of pools) {
    const found = types.get(pool.type);
    if (found) found.push(pool);
    else types.set(pool.type, [pool]);
  }
  return types;
}

interface Serving {
  readonly presence: Presence;
  readonly served: PoolPresence;
}

function poolView(
  key: string,
  together: readonly Serving[],
  elsewhere: ReadonlyMap<string, number>,
): PoolView {
  const [{ presence, served }] = together as readonly [Serving];
  const members = together.map((one) => memberOf(one, elsewhere));
  const urgent = together.find((one) => one.served.urgent_queue !== undefined);
  const measured = together.flatMap((one, index) =>
    typeof one.served.mean_ms === 'number' ? [members[index] as PoolMember] : [],
  );
  return {
    key,
    region: presence.region,
    pool: served.pool,
    type: served.type,
    major: majorOf(served.version),
    versions: [...new Set(members.flatMap(({ versions }) => versions))],
    labels: served.labels,
    queue: served.queue,
    urgentQueue: urgent?.served.urgent_queue ?? null,
    slots: sum(members, ({ slots }) => slots),
    busy: sum(members, ({ busy }) => busy),
    running: sum(members, ({ running }) => running),
    held: sum(members, ({ held }) => held),
    cost: meanBySlots(members, ({ cost }) => cost),
    // One that has measured knows better than one that assumes.
    meanMs: meanBySlots(measured.length > 0 ? measured : members, ({ meanMs }) => meanMs),
    wees: members.map(({ weeId }) => weeId),
    members,
  };
}

function memberOf({ presence, served }: Serving, elsewhere: ReadonlyMap<string, number>): PoolMember {
  const type = typeOf(presence, served);
  const cost = served.cost ?? slotsOf(type?.cost ?? 'light');
  return {
    weeId: presence.wee_id,
    queue: presence.queue ?? null,
    versions: versionsOf(presence, served),
    slots: served.slots,
    busy: served.busy ?? served.running * cost,
    running: served.running,
    held: served.held,
    cost,
    meanMs: served.mean_ms ?? elsewhere.get(versionKey(served)) ?? assumedMsOf(type?.cost ?? 'light'),
  };
}

/** A type stands in presence once for each version: the one that the pool runs, or else any. */
function typeOf({ types }: Presence, { type, version }: PoolPresence): Presence['types'][number] | undefined {
  const ofType = types.filter((one) => one.type === type);
  return ofType.find((one) => one.version === version) ?? ofType[0];
}

function versionsOf({ versions = [] }: Presence, { type, version }: PoolPresence): readonly string[] {
  const taking = versions
    .filter((one) => one.type === type && (one.role === 'stable' || one.role === 'candidate'))
    .map((one) => one.version)
    .filter((one) => majorOf(one) === majorOf(version));
  return [...new Set([version, ...taking])];
}

function sum(members: readonly PoolMember[], of: (member: PoolMember) => number): number {
  return members.reduce((total, member) => total + of(member), 0);
}

function meanBySlots(members: readonly PoolMember[], of: (member: PoolMember) => number): number {
  const weight = ({ slots }: PoolMember) => Math.max(1, slots);
  return sum(members, (member) => of(member) * weight(member)) / sum(members, weight);
}
