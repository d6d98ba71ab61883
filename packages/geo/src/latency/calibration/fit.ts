import { distanceKm, fibreKmPerMs } from '../../place/great-circle.ts';
import type { Coefficients } from '../estimate.ts';
import { makeNetwork, type Network, type Reach, reachOf, wayKm } from '../network.ts';
import type { PublishedPair } from './published.ts';

/** A pair and, for each land factor that is tried, its way in km at sea. */
interface Prepared {
  readonly pair: PublishedPair;
  readonly floorMs: number;
  readonly waysKm: readonly number[];
}

const steps = (from: number, to: number, step: number): number[] =>
  Array.from({ length: Math.round((to - from) / step) + 1 }, (_, i) => Number((from + i * step).toFixed(3)));

const baseMs = steps(0, 10, 0.5);
const seaStretch = steps(1, 1.5, 0.01);
const landFactors = steps(1, 1.8, 0.05);

/**
 * Fits the coefficients of the estimate by trying all of a grid: least mean of |ln(estimated / measured)|, so that
 * 10 % too much weighs as much as 10 % too little on short and on long paths, and one odd path moves little.
 */
export function makeFit(
  all: readonly PublishedPair[],
): (use: (pair: PublishedPair) => boolean) => Coefficients {
  const prepared = prepare(all);
  return (use) => {
    const used = prepared.filter(({ pair }) => use(pair));
    let best: Coefficients = { baseMs: 0, seaStretch: 1, landFactor: 1 };
    let least = Number.POSITIVE_INFINITY;
    for (const [index, landFactor] of landFactors.entries()) {
      for (const stretch of seaStretch) {
        for (const base of baseMs) {
          let loss = 0;
          for (const { pair, floorMs, waysKm } of used) {
            const estimate = base + (2 * stretch * (waysKm[index] ?? 0)) / fibreKmPerMs;
            loss += Math.abs(Math.log(Math.max(estimate, floorMs) / pair.rttMs));
          }
          if (loss >= least) continue;
          least = loss;
          best = { baseMs: base, seaStretch: stretch, landFactor };
        }
      }
    }
    return best;
  };
}

function prepare(all: readonly PublishedPair[]): Prepared[] {
  const reaches = landFactors.map((factor): [Network, Map<string, Reach>] => {
    const network = makeNetwork(factor);
    const places = new Map(all.flatMap(({ a, b, from, to }) => [[a, from] as const, [b, to] as const]));
    return [network, new Map([...places].map(([id, place]) => [id, reachOf(network, place)]))];
  });
  return all.map((pair) => ({
    pair,
    floorMs: (2 * distanceKm(pair.from, pair.to)) / fibreKmPerMs,
    waysKm: reaches.map(([network, byId]) => {
      const [a, b] = [byId.get(pair.a), byId.get(pair.b)];
      return a !== undefined && b !== undefined
        ? wayKm(network, a, b, distanceKm(pair.from, pair.to))
        : Number.NaN;
    }),
  }));
}
