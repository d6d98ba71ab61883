import { fibreKmPerMs, type Place, roundTripFloorMs } from '../place/great-circle.ts';
import { isReversed, type Landing, landingOf, makeNetwork, type Reach, reachOf, wayKm } from './network.ts';

/** A round trip in ms as a model gives it: half of such paths are faster than p50, 19 of 20 than p95. */
export interface Estimate {
  readonly p50Ms: number;
  readonly p95Ms: number;
}

export interface Coefficients {
  /** What every path costs, however short: last miles, switches, the hosts. */
  readonly baseMs: number;
  /** Length of a path at sea ÷ the great circles between its waypoints. */
  readonly seaStretch: number;
  /** How much more a km overland takes than one at sea. */
  readonly landFactor: number;
}

/**
 * Fitted by `calibration/fit.ts` to the 36 pairs of `calibration/aws-2017.ts` alone; `calibration/calibration.test.ts`
 * fits again and compares. How good they are: docs/latency.md.
 */
export const coefficients: Coefficients = { baseMs: 3, seaStretch: 1.29, landFactor: 1.4 };

/**
 * Measured ÷ estimated is below this for about 19 of 20 pairs: of the 838 that `calibration/` holds for 95 %. It covers
 * what the model does not know of a path and is no jitter.
 */
export const p95Ratio = 1.4;

const network = makeNetwork(coefficients.landFactor);

/**
 * The round trip between two places over the ways that cables take, in ms, never below the floor, and the same in
 * both directions. A path within a land, or to a near place, goes straight overland; another goes overland to a
 * landing, by sea, and overland again, by the shortest way through `cables.ts`.
 */
export function estimateRoundTrip(a: Place, b: Place): Estimate {
  const [from, to] = isReversed(a, b) ? [b, a] : [a, b];
  const p50Ms = estimateOneWay(reachOfPlace(from), landingOfPlace(to), roundTripFloorMs(a, b));
  return { p50Ms, p95Ms: p50Ms * p95Ratio };
}

/** The p50 of the estimate for two places whose floor is known. */
export function estimateBetween(a: Reach, b: Reach, floorMs: number): number {
  return isReversed(a.place, b.place) ? estimateOneWay(b, a, floorMs) : estimateOneWay(a, b, floorMs);
}

/** The same, but for the last bits, which depend on the direction. */
export function estimateOneWay(from: Reach, to: Landing, floorMs: number): number {
  const { baseMs, seaStretch } = coefficients;
  const km = wayKm(network, from, to, (floorMs * fibreKmPerMs) / 2);
  return Math.max(baseMs + (2 * seaStretch * km) / fibreKmPerMs, floorMs);
}

/** The costly part of an estimate, which depends on one place only. */
export function reachOfPlace(place: Place): Reach {
  return reachOf(network, place);
}

export function landingOfPlace(place: Place): Landing {
  return landingOf(network, place);
}
