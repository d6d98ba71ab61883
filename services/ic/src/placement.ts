import type { FleetView, PoolView } from '@tenma/fleet';
import type { Dispatch, Placement } from '@tenma/protocol';

/** What placement needs to know beyond the task and the fleet. */
export interface PlacementContext {
  readonly activeRegion: string;
  /** Regions that a task for `any` goes to only if nobody else can take it. */
  readonly avoid: readonly string[];
  /** Tasks that this IC has sent to the pool since the pool last spoke of its load. */
  readonly sent: (poolKey: string) => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export type PlacementResult =
  | { placed: true; pool: PoolView; placement: Placement }
  | { placed: false; reason: string };

/** Milliseconds that a task of a cost class is taken to run until it has been measured. */
const assumedMs = { light: 50, medium: 500, heavy: 5_000 } as const;

/** Rejections that stand on a task, at most. */
const rejectionsKept = 5;

/**
 * Decides where a task runs. Pools that lack what it needs are rejected with the reason; among the rest, two are drawn
 * at random in proportion to their free capacity and the one with the shorter expected wait is taken, so that several
 * ICs with the same view do not all run to the same pool.
 */
export function place(task: Dispatch, fleet: FleetView, context: PlacementContext): PlacementResult {
  const eligible: PoolView[] = [];
  const rejected: Placement['rejected'] = [];
  for (const pool of fleet.pools.values()) {
    if (pool.type !== task.type) continue;
    const reason = rejection(task, pool, context.activeRegion);
    if (reason === null) eligible.push(pool);
    else if (rejected.length < rejectionsKept) rejected.push({ pool: pool.key, reason });
  }
  const chosen = choose(preferred(task, eligible, rejected, context), context);
  if (!chosen) return { placed: false, reason: waitingReason(task, rejected, context.activeRegion) };
  const score = Math.round(expectedWaitMs(chosen, context) * 10) / 10;
  return {
    placed: true,
    pool: chosen,
    placement: { region: chosen.region, pool: chosen.pool, score, rejected },
  };
}

/** Why a pool of the right type cannot take the task, or null if it can. */
function rejection(task: Dispatch, pool: PoolView, activeRegion: string): string | null {
  const wanted = task.region === 'active' ? activeRegion : task.region;
  if (wanted !== 'any' && pool.region !== wanted) return `not in region ${wanted}`;
  const missing = (task.requires.labels ?? []).filter((label) => !pool.labels.includes(label));
  return missing.length > 0 ? `lacks label ${missing.join(', ')}` : null;
}

/** A task for `any` keeps clear of regions that are not well, as long as there are others. */
function preferred(
  task: Dispatch,
  eligible: readonly PoolView[],
  rejected: Placement['rejected'],
  { avoid }: PlacementContext,
): readonly PoolView[] {
  if (task.region !== 'any' || avoid.length === 0) return eligible;
  const well = eligible.filter((pool) => !avoid.includes(pool.region));
  if (well.length === 0) return eligible;
  for (const pool of eligible) {
    if (!avoid.includes(pool.region) || rejected.length >= rejectionsKept) continue;
    rejected.push({ pool: pool.key, reason: `region ${pool.region} is not well` });
  }
  return well;
}

function choose(pools: readonly PoolView[], context: PlacementContext): PoolView | undefined {
  if (pools.length < 2) return pools[0];
  const first = draw(pools, context);
  const second = draw(pools, context);
  return expectedWaitMs(second, context) < expectedWaitMs(first, context) ? second : first;
}

function draw(pools: readonly PoolView[], context: PlacementContext): PoolView {
  const weights = pools.map((pool) => Math.max(1, pool.slots - load(pool, context)));
  let point = context.random() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [index, pool] of pools.entries()) {
    point -= weights[index] ?? 0;
    if (point < 0) return pool;
  }
  return pools[pools.length - 1] as PoolView;
}

function load(pool: PoolView, context: PlacementContext): number {
  return pool.running + pool.held + context.sent(pool.key);
}

/** Backlog × mean cost ÷ capacity. */
export function expectedWaitMs(pool: PoolView, context: PlacementContext): number {
  return (load(pool, context) * assumedMs[pool.cost]) / Math.max(1, pool.slots);
}

function waitingReason(task: Dispatch, rejected: Placement['rejected'], activeRegion: string): string {
  if (rejected.length > 0) {
    return `no_eligible_worker: ${rejected.map(({ pool, reason }) => `${pool} ${reason}`).join('; ')}`;
  }
  const where =
    task.region === 'any' ? 'any region' : `region ${task.region === 'active' ? activeRegion : task.region}`;
  return `no_eligible_worker: no pool for type ${task.type} in ${where}`;
}
