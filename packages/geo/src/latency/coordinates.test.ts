import type { LatencyVector } from '@tenma/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Place } from '../place/great-circle.ts';
import { anyPlace, makeNoise, placesAround } from '../place/places.fixture.ts';
import { aws2025 } from './calibration/aws-2025.ts';
import { azure2026 } from './calibration/azure-2026.ts';
import { type PublishedRoundTrips, pairsOf } from './calibration/published.ts';
import { coordinateRoundTripMs, moveCoordinate, startCoordinate } from './coordinates.ts';
import { estimateRoundTrip } from './estimate.ts';
import { hashOf } from '../id-hash.ts';
import { roundTripsFrom } from './matrix.ts';
import { coordinateOf, vectorAfter } from './measurement.ts';
import { probePlan } from './probe-plan.ts';

const tokyo = { lat: 35.68, lon: 139.69 };
const virginia = { lat: 39.04, lon: -77.49 };

describe('a coordinate', () => {
  test('is as far there as back, and never nearer than its heights', () => {
    fc.assert(
      fc.property(anyPlace, anyPlace, (one, other) => {
        const [a, b] = [startCoordinate('a', one), startCoordinate('b', other)];
        const rtt = coordinateRoundTripMs(a, b);
        return rtt === coordinateRoundTripMs(b, a) && rtt >= a.heightMs + b.heightMs;
      }),
    );
  });

  test('starts by its place, and beside another of the same place', () => {
    expect(startCoordinate('a', tokyo)).toEqual(startCoordinate('a', tokyo));
    expect(startCoordinate('a', tokyo).at).not.toEqual(startCoordinate('b', tokyo).at);
    const near = coordinateRoundTripMs(startCoordinate('a', tokyo), startCoordinate('b', tokyo));
    const far = coordinateRoundTripMs(startCoordinate('a', tokyo), startCoordinate('c', virginia));
    expect(near).toBeLessThan(5);
    expect(far).toBeGreaterThan(100);
  });

  test('comes nearer to what is measured with every measurement, and learns how good it is', () => {
    let [a, b] = [startCoordinate('a', tokyo), startCoordinate('b', virginia)];
    for (let i = 0; i < 40; i++) {
      a = moveCoordinate(a, b, 150);
      b = moveCoordinate(b, a, 150);
    }
    expect(coordinateRoundTripMs(a, b)).toBeCloseTo(150, 0);
    expect(Math.max(a.error, b.error)).toBeLessThan(0.1);
  });

  test('moves less the better it is and the worse the other is', () => {
    const [own, other] = [startCoordinate('a', tokyo), startCoordinate('b', virginia)];
    const moved = (ownError: number, otherError: number): number => {
      const before = { ...own, error: ownError };
      const after = moveCoordinate(before, { ...other, error: otherError }, 400);
      return Math.hypot(...after.at.map((value, axis) => value - before.at[axis]!));
    };
    expect(moved(0.1, 1)).toBeLessThan(moved(1, 1));
    expect(moved(1, 1)).toBeLessThan(moved(1, 0.1));
  });

  test('gets apart from one at the same point, and stays finite whatever is measured', () => {
    const same = startCoordinate('a', tokyo);
    expect(coordinateRoundTripMs(moveCoordinate(same, same, 50), same)).toBeGreaterThan(
      coordinateRoundTripMs(same, same),
    );
    fc.assert(
      fc.property(anyPlace, anyPlace, fc.array(fc.double()), (one, other, samples) => {
        const end = samples.reduce(
          (own, ms) => moveCoordinate(own, startCoordinate('b', other), Math.min(ms, 1e6)),
          startCoordinate('a', one),
        );
        return [...end.at, end.heightMs, end.error].every(Number.isFinite) && end.heightMs > 0;
      }),
    );
  });
});

/** Rounds of probes over the pairs of the plan, as the regions would make them; then how wrong the rest is. */
function simulate(places: ReadonlyMap<string, Place>, truth: (a: string, b: string) => number) {
  const ids = [...places.keys()];
  const plan = probePlan(ids, places);
  const noise = makeNoise(1);
  const vectors = new Map<string, LatencyVector>();
  const measuredPairs = new Set<string>();
  const roundMs = 30_000;
  for (let round = 1; round <= 20; round++) {
    for (const [from, targets] of plan) {
      const measured = targets.map((to) => {
        measuredPairs.add(pairOf(from, to));
        const samplesMs = Array.from({ length: 5 }, () => truth(from, to) * (1 + 0.1 * noise() ** 3));
        return { to, samplesMs, at: round * roundMs };
      });
      vectors.set(from, vectorAfter(vectors.get(from) ?? null, from, measured, vectors, { places, roundMs }));
    }
  }
  const missed = {
    measured: [] as number[],
    unmeasured: [] as number[],
    estimate: [] as number[],
    effective: [] as number[],
  };
  const sight = { places, vectors, now: 20 * 30_000, freshMs: 90_000 };
  for (const [i, a] of ids.entries()) {
    const effective = roundTripsFrom(a, ids, sight);
    for (const b of ids.slice(0, i)) {
      const one = coordinateOf(vectors.get(a))!;
      const distance = coordinateRoundTripMs(one, coordinateOf(vectors.get(b))!);
      const off = (ms: number) => Math.abs(ms / truth(a, b) - 1);
      if (measuredPairs.has(pairOf(a, b))) missed.measured.push(off(distance));
      else {
        missed.unmeasured.push(off(distance));
        missed.estimate.push(off(estimateRoundTrip(places.get(a)!, places.get(b)!).p50Ms));
        missed.effective.push(off(effective.get(b)!));
      }
    }
  }
  const errors = [...vectors.values()].map((vector) => coordinateOf(vector)!.error);
  return {
    measured: median(missed.measured),
    unmeasured: median(missed.unmeasured),
    estimate: median(missed.estimate),
    effective: median(missed.effective),
    estimateMost: quantile(missed.estimate, 0.9),
    effectiveMost: quantile(missed.effective, 0.9),
    error: median(errors),
  };
}

const pairOf = (a: string, b: string): string => [a, b].toSorted().join(' ');
const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * share)]!;
const median = (values: readonly number[]): number => quantile(values, 0.5);

describe('coordinates after 20 rounds of probes over the plan', { timeout: 60_000 }, () => {
  const places = placesAround(30);
  const modelled = (a: string, b: string): number => estimateRoundTrip(places.get(a)!, places.get(b)!).p50Ms;

  test('know the pairs that nobody measured, where one path in ten takes a detour of half its length', () => {
    const detour = (a: string, b: string) => (hashOf(pairOf(a, b)) / 2 ** 32 < 0.1 ? 1.5 : 1);
    const { unmeasured, error } = simulate(places, (a, b) => modelled(a, b) * detour(a, b));
    expect(unmeasured).toBeLessThan(0.15);
    expect(error).toBeLessThan(0.3);
  });

  test('know what the estimate cannot: how slow the last mile of a region is', () => {
    const lastMile = (id: string) => (hashOf(id) / 2 ** 32) * 40;
    const { unmeasured, estimate, effective } = simulate(
      places,
      (a, b) => modelled(a, b) + lastMile(a) + lastMile(b),
    );
    expect(unmeasured).toBeLessThan(0.15);
    expect(unmeasured).toBeLessThan(estimate);
    expect(effective).toBeLessThan(0.09);
    expect(effective).toBeLessThan(0.6 * estimate);
  });

  test('know the regions of AWS', () => {
    const { unmeasured, measured } = simulatePublished(aws2025);
    expect(unmeasured).toBeLessThan(0.15);
    expect(measured).toBeLessThan(0.12);
  });

  test.each([
    ['AWS', aws2025],
    ['Azure', azure2026],
  ])('do not displace an estimate that is better, for the regions of %s', (_, published) => {
    const { estimate, estimateMost, effective, effectiveMost } = simulatePublished(published);
    expect(effective).toBeLessThan(estimate + 0.015);
    expect(effectiveMost).toBeLessThan(estimateMost + 0.03);
  });
});

function simulatePublished(published: PublishedRoundTrips) {
  const known = new Map(pairsOf(published).map(({ a, b, rttMs }) => [pairOf(a, b), rttMs]));
  return simulate(new Map(Object.entries(published.regions)), (a, b) => known.get(pairOf(a, b))!);
}
