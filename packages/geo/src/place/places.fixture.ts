import fc from 'fast-check';
import type { Place } from './great-circle.ts';

export const anyPlace = fc.record({
  lat: fc.double({ min: -90, max: 90, noNaN: true }),
  lon: fc.double({ min: -180, max: 180, noNaN: true }),
});

/** On a golden spiral: spread evenly over the globe. */
export function placesAround(count: number): Map<string, Place> {
  return new Map(
    Array.from({ length: count }, (_, i): [string, Place] => [
      `region-${i}`,
      { lat: (Math.asin((2 * i + 1) / count - 1) * 180) / Math.PI, lon: ((i * 137.508) % 360) - 180 },
    ]),
  );
}

/** Reproducible numbers from 0 to 1: a linear congruence, good enough for noise. */
export function makeNoise(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
