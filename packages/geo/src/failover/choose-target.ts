import type { Candidate, FailoverSituation, FailoverWish, PassedOver } from './failover.ts';

/** Why a region cannot take over; null when it can. A policy asks for more than an operator, who may name a bad one. */
export function unfitness(
  { status, quarantined, workers, nodes }: Candidate,
  automatic: boolean,
): string | null {
  if (status === 'maintenance') return 'it is in maintenance';
  if (status === 'offline') return 'it is offline';
  if (status === 'unknown') return 'nobody can tell how it is';
  if (!automatic) return null;
  if (!workers && !nodes) return 'nothing is there: neither nodes nor workers';
  if (status === 'degraded') return 'it is degraded';
  return quarantined ? 'it is in quarantine: it goes down again and again' : null;
}

interface Choice {
  readonly to: Candidate | null;
  readonly passedOver: readonly PassedOver[];
}

/**
 * The best of the regions that can take over: those that are in full order and have workers first, then as preferred, then by the other
 * measure, then by id.
 */
export function chooseTarget(
  { from, prefer, automatic }: FailoverWish,
  { regions, roundTripMs }: FailoverSituation,
): Choice {
  const judged = regions
    .filter(({ regionId }) => regionId !== from)
    .map((candidate) => ({
      candidate,
      unfit: unfitness(candidate, automatic),
      doubts:
        Number(candidate.status !== 'online') + Number(candidate.quarantined) + Number(!candidate.workers),
      distance: distanceOf(roundTripMs(candidate.regionId)),
    }));
  type Judged = (typeof judged)[number];
  const priorities = (a: Judged, b: Judged) => a.candidate.priority - b.candidate.priority;
  // Two unknown distances are equal; their difference would be no number.
  const distances = (a: Judged, b: Judged) => (a.distance === b.distance ? 0 : a.distance - b.distance);
  const [first, second] = prefer === 'nearest' ? [distances, priorities] : [priorities, distances];
  const [best] = judged
    .filter(({ unfit }) => unfit === null)
    .sort(
      (a, b) =>
        a.doubts - b.doubts ||
        first(a, b) ||
        second(a, b) ||
        (a.candidate.regionId < b.candidate.regionId ? -1 : 1),
    );
  const passedOver = judged
    .filter((one) => one !== best)
    .map(({ candidate, unfit, distance }) => ({
      regionId: candidate.regionId,
      reason: unfit ?? `${best?.candidate.regionId ?? ''} is preferred: ${standing(candidate, distance)}`,
    }));
  return { to: best?.candidate ?? null, passedOver };
}

function distanceOf(roundTripMs: number): number {
  return Number.isFinite(roundTripMs) ? roundTripMs : Number.POSITIVE_INFINITY;
}

function standing({ status, quarantined, workers, priority }: Candidate, distance: number): string {
  const far = Number.isFinite(distance) ? `${distance.toFixed(1)} ms away` : 'of unknown distance';
  return `this one is ${status}${quarantined ? ', in quarantine' : ''}${workers ? '' : ', without workers'}, of priority ${priority}, ${far}`;
}
