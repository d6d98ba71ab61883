import type { Load } from '@tenma/fleet';
import type { Dispatch, Placement } from '@tenma/protocol';
import type { Target } from './eligibility.ts';

/** What a score needs to know beyond the task and the target. */
export interface Scoring {
  /** Regions that tasks for `any` go to less gladly. */
  readonly degraded: readonly string[];
  /** For each region that tasks deal with: milliseconds from other regions to it. */
  readonly roundTrips: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Slots that this IC has sent to a target, and of which the target has not told yet. */
  readonly sent: (key: string, load: Load) => number;
}

export interface Scored {
  readonly target: Target;
  /** Milliseconds: the sum of the parts. */
  readonly score: number;
  readonly parts: NonNullable<Placement['parts']>;
  /** Slots taken or waited for, as a share of the slots there are. */
  readonly fill: number;
}

/** As long as a wait that makes one look elsewhere, and shorter than a queue that makes one give up. */
const degradedMs = 1_000;

/** Where nothing is known of the way: about half round the world. LE names the nearest regions, so it is not shorter. */
const unknownRoundTripMs = 150;

/** How soon a target would start the task, and how far it is from what the task deals with. Lower is better. */
export function scorer(task: Dispatch, scoring: Scoring): (target: Target) => Scored {
  const forAny = task.region === 'any';
  const roundTripFrom = forAny && task.near !== undefined ? wayTo(task.near, scoring.roundTrips) : () => null;
  return (target) => {
    const { load, key, pool } = target;
    const taken = load.busy + load.held * load.cost + scoring.sent(key, load);
    const wait = expectedWaitMs(load, taken, task.cost ?? load.cost);
    const roundTrip = roundTripFrom(pool.region);
    const penalty = forAny && scoring.degraded.includes(pool.region) ? degradedMs : 0;
    return {
      target,
      score: tenths(wait + (roundTrip ?? 0) + penalty),
      parts: { wait_ms: tenths(wait), round_trip_ms: roundTrip, penalty_ms: penalty },
      fill: taken / Math.max(1, load.slots),
    };
  };
}

/** Backlog × mean cost ÷ capacity. What fits beside the attempts that run waits for nothing. */
function expectedWaitMs({ slots, meanMs }: Load, taken: number, cost: number): number {
  const capacity = Math.max(1, slots);
  return (Math.max(0, taken + Math.min(cost, capacity) - capacity) * meanMs) / capacity;
}

function wayTo(to: string, roundTrips: Scoring['roundTrips']): (from: string) => number {
  const known = roundTrips[to] ?? {};
  let farthest: number | undefined;
  return (from) => {
    if (from === to) return 0;
    // Of the regions that are not named none is nearer than those that are.
    return tenths(known[from] ?? (farthest ??= Math.max(unknownRoundTripMs, ...Object.values(known))));
  };
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}
