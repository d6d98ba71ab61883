import type { FleetView } from '@tenma/fleet';
import type { Dispatch, Placement } from '@tenma/protocol';
import { type Rejection, rejectionsMax, sift, type Target } from './eligibility.ts';
import { type Scored, scorer, type Scoring } from './score.ts';

/** What placement needs to know beyond the task and the fleet. */
export interface PlacementContext extends Scoring {
  readonly activeRegion: string;
  /** Regions that a task for `any` goes to only if nobody else can take it. */
  readonly avoid: readonly string[];
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export type PlacementResult =
  | { placed: true; target: Target; placement: Placement }
  | { placed: false; reason: string };

/** Targets whose scores differ by less are as good as each other: by milliseconds, or by a share of the best score. */
const toleranceMs = 5;
const toleranceShare = 0.1;

/** A full target is still drawn now and then, as if this share of it were free: its score decides. */
const leastFree = 0.1;

/**
 * Decides where a task runs. Targets that lack what it needs are rejected with the reason; of the others, only those
 * about as good as the best come into the draw, so that a near region is not left for a far one. Among them two are
 * drawn at random in proportion to their free capacity, and the better one is taken: several ICs with the same view do
 * not all run to the same pool.
 */
export function place(task: Dispatch, fleet: FleetView, context: PlacementContext): PlacementResult {
  const { eligible, rejected } = sift(task, fleet, context);
  const scored = eligible.map(scorer(task, context));
  const chosen = choose(scored, context.random);
  if (!chosen) return { placed: false, reason: waitingReason(task, fleet, rejected, context.activeRegion) };
  const { target, score, parts } = chosen;
  const { region, pool } = target.pool;
  return {
    placed: true,
    target,
    placement: {
      region,
      pool,
      ...(target.member === null ? {} : { wee: target.member.weeId }),
      score,
      parts,
      rejected: alternatives(chosen, scored, rejected),
    },
  };
}

function choose(scored: readonly Scored[], random: () => number): Scored | undefined {
  if (scored.length < 2) return scored[0];
  let best = Number.POSITIVE_INFINITY;
  for (const { score } of scored) best = Math.min(best, score);
  const worst = best + Math.max(toleranceMs, best * toleranceShare);
  const good = scored.filter(({ score }) => score <= worst);
  if (good.length < 2) return good[0];
  const weights = good.map(freeSlots);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const [first, second] = [draw(good, weights, random() * total), draw(good, weights, random() * total)];
  return isBetter(second, first) ? second : first;
}

function freeSlots({ fill, target: { load } }: Scored): number {
  return Math.max(1, load.slots) * Math.max(leastFree, 1 - fill);
}

function draw(scored: readonly Scored[], weights: readonly number[], point: number): Scored {
  let left = point;
  const last = scored.length - 1;
  for (let index = 0; index < last; index += 1) {
    left -= weights[index] as number;
    if (left < 0) return scored[index] as Scored;
  }
  return scored[last] as Scored;
}

/** Where neither would make it wait longer, the emptier one: it is the other that fills up first. */
function isBetter(one: Scored, other: Scored): boolean {
  return one.score < other.score || (one.score === other.score && one.fill < other.fill);
}

/** What else could have run it, best first, and what could not; half of the room at least is for each. */
function alternatives(
  chosen: Scored,
  scored: readonly Scored[],
  rejected: readonly Rejection[],
): Placement['rejected'] {
  const room = Math.max(rejectionsMax / 2, rejectionsMax - rejected.length);
  const others: Scored[] = [];
  for (const one of scored) if (one !== chosen) keepBest(others, one, room);
  return [
    ...others.map(({ target, score }) => ({ pool: target.key, reason: `score ${score} ms`, score })),
    ...rejected,
  ].slice(0, rejectionsMax);
}

/** Keeps `best` in order and at most `room` long: sorting all of them would cost more than the choice. */
function keepBest(best: Scored[], one: Scored, room: number): void {
  let index = best.length;
  while (index > 0 && isBetter(one, best[index - 1] as Scored)) index -= 1;
  if (index >= room) return;
  best.splice(index, 0, one);
  if (best.length > room) best.pop();
}

function waitingReason(
  { type, region, requires }: Dispatch,
  fleet: FleetView,
  rejected: readonly Rejection[],
  activeRegion: string,
): string {
  const addressed = requires.wee === undefined ? null : absence(requires.wee, fleet);
  if (addressed !== null) return `no_eligible_worker: ${addressed}`;
  if (rejected.length > 0) {
    return `no_eligible_worker: ${rejected.map(({ pool, reason }) => `${pool} ${reason}`).join('; ')}`;
  }
  const where = region === 'any' ? 'any region' : `region ${region === 'active' ? activeRegion : region}`;
  return `no_eligible_worker: no pool for type ${type} in ${where}`;
}

/** Why nothing can be addressed to the WEE, whatever it runs; null if it takes tasks. */
function absence(weeId: string, { wees }: FleetView): string | null {
  const status = wees.get(weeId)?.presence.status;
  if (status === 'online') return null;
  return status === undefined ? `${weeId} is not there` : `${weeId} is ${status}`;
}
