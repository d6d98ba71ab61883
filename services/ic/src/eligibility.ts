import type { FleetView, Load, PoolMember, PoolView } from '@tenma/fleet';
import { type Dispatch, isInRange, type Placement } from '@tenma/protocol';

/** Where a task can be sent: a pool, or one WEE of it by its own queue. */
export interface Target {
  /** Unique: the key of the pool, with the WEE behind it where it is addressed to one. */
  readonly key: string;
  readonly pool: PoolView;
  /** Null: whichever WEE of the pool takes it. */
  readonly member: PoolMember | null;
  readonly load: Load;
}

export type Rejection = Placement['rejected'][number];

export interface Sifted {
  readonly eligible: readonly Target[];
  /** The pools that lack something first, then those that are merely elsewhere; at most {@link rejectionsMax}. */
  readonly rejected: readonly Rejection[];
}

/** Rejections that stand on a task, at most. */
export const rejectionsMax = 8;

interface Where {
  readonly activeRegion: string;
  /** Regions that a task for `any` goes to only if nobody else can take it. */
  readonly avoid: readonly string[];
}

/** Of the pools of the task's type, those that have all it asks for; of the others, what they lack. */
export function sift(task: Dispatch, fleet: FleetView, where: Where): Sifted {
  const region = task.region === 'active' ? where.activeRegion : task.region;
  const eligible: Target[] = [];
  const lacking: Rejection[] = [];
  const elsewhere: Rejection[] = [];
  for (const pool of fleet.poolsByType.get(task.type) ?? []) {
    const away = awayFrom(pool, region, task);
    if (away !== null) {
      if (elsewhere.length < rejectionsMax) elsewhere.push({ pool: pool.key, reason: away });
      continue;
    }
    const found = lackOf(pool, task) ?? targetsIn(pool, task);
    if (typeof found !== 'string') eligible.push(...found);
    else if (lacking.length < rejectionsMax) lacking.push({ pool: pool.key, reason: found });
  }
  const well = region === 'any' ? clearOf(where.avoid, eligible, lacking) : eligible;
  const preferred = ofFirstMajor(task.majors, well, lacking);
  return { eligible: preferred, rejected: [...lacking, ...elsewhere].slice(0, rejectionsMax) };
}

function awayFrom({ region }: PoolView, wanted: string, { requires }: Dispatch): string | null {
  if (wanted !== 'any') return region === wanted ? null : `not in region ${wanted}`;
  const { regions } = requires;
  return regions === undefined || regions.includes(region) ? null : `not in ${regions.join(' or ')}`;
}

/** What no WEE of the pool has. */
function lackOf(pool: PoolView, { requires, majors }: Dispatch): string | null {
  if (majors !== undefined && !majors.includes(pool.major)) {
    return `takes inputs of major ${pool.major}, and this one is for ${majors.join(' or ') || 'none'}`;
  }
  const missing = (requires.labels ?? []).filter((label) => !pool.labels.includes(label));
  return missing.length > 0 ? `lacks label ${missing.join(', ')}` : null;
}

/**
 * The pool itself where each of its WEEs will do, since any of them may take what stands in its queue; else those WEEs
 * that will do, by their own queues. Or why there is none.
 */
function targetsIn(
  pool: PoolView,
  { requires: { wee, version: range } }: Dispatch,
): readonly Target[] | string {
  if (wee === undefined && range === undefined) return [wholePool(pool)];
  const fits = (version: string) => range === undefined || isInRange(version, range);
  if (wee === undefined && pool.versions.every(fits)) return [wholePool(pool)];
  const asked = wee === undefined ? pool.members : pool.members.filter(({ weeId }) => weeId === wee);
  if (asked.length === 0) return `is not served by ${wee}`;
  const fitting = asked.filter(({ versions }) => versions.some(fits));
  if (fitting.length === 0) {
    const versions = new Set(asked.flatMap((member) => member.versions));
    return `runs ${[...versions].join(' and ')}, which is not in ${range}`;
  }
  if (wee === undefined && fitting.length === pool.members.length) return [wholePool(pool)];
  const addressable = fitting.filter(({ queue }) => queue !== null);
  if (addressable.length > 0) return addressable.map((member) => oneWee(pool, member));
  return `${fitting.map(({ weeId }) => weeId).join(', ')} has no queue of its own`;
}

function wholePool(pool: PoolView): Target {
  return { key: pool.key, pool, member: null, load: pool };
}

function oneWee(pool: PoolView, member: PoolMember): Target {
  return { key: memberKey(pool.key, member.weeId), pool, member, load: member };
}

/** As a {@link Target.key}. */
export function memberKey(poolKey: string, weeId: string): string {
  return `${poolKey}/${weeId}`;
}

/** A task for `any` keeps clear of regions that are not well, as long as there are others. */
function clearOf(
  avoid: readonly string[],
  targets: readonly Target[],
  rejected: Rejection[],
): readonly Target[] {
  if (avoid.length === 0) return targets;
  const well = targets.filter(({ pool }) => !avoid.includes(pool.region));
  if (well.length === 0 || well.length === targets.length) return targets;
  for (const { key, pool } of targets) {
    if (avoid.includes(pool.region))
      rejected.push({ pool: key, reason: `region ${pool.region} is not well` });
  }
  return well;
}

/**
 * The first major that somebody runs wins, whatever the load: it is what the submission was checked against first. A
 * task without majors was checked when there was one: before the higher ones came.
 */
function ofFirstMajor(
  majors: readonly number[] | undefined,
  targets: readonly Target[],
  rejected: Rejection[],
): readonly Target[] {
  const there = new Set(targets.map(({ pool }) => pool.major));
  const first = (majors ?? [...there].sort((a, b) => a - b)).find((major) => there.has(major));
  if (first === undefined || targets.every(({ pool }) => pool.major === first)) return targets;
  for (const { key, pool } of targets) {
    if (pool.major === first) continue;
    rejected.push({ pool: key, reason: `major ${first} comes before ${pool.major} for this input` });
  }
  return targets.filter(({ pool }) => pool.major === first);
}
