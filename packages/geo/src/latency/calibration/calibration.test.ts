import { describe, expect, test } from 'vitest';
import { distanceKm, roundTripFloorMs } from '../../place/great-circle.ts';
import { type Coefficients, coefficients, estimateRoundTrip, p95Ratio } from '../estimate.ts';
import { makeNetwork, reachOf, wayKm } from '../network.ts';
import { aws2017 } from './aws-2017.ts';
import { aws2025 } from './aws-2025.ts';
import { azure2026 } from './azure-2026.ts';
import { makeFit } from './fit.ts';
import { ibm2024 } from './ibm-2024.ts';
import { type PublishedPair, pairsOf } from './published.ts';

const calibration = pairsOf(aws2017);
const fit = makeFit(calibration);
const fitted = fit(() => true);

/** The model with other coefficients than its own: what `estimateRoundTrip` would say. */
function modelOf({ baseMs, seaStretch, landFactor }: Coefficients): (pair: PublishedPair) => number {
  const network = makeNetwork(landFactor);
  return ({ from, to }) => {
    const km = wayKm(network, reachOf(network, from), reachOf(network, to), distanceKm(from, to));
    return Math.max(baseMs + (2 * seaStretch * km) / 200, roundTripFloorMs(from, to));
  };
}

const ownModel = ({ from, to }: PublishedPair): number => estimateRoundTrip(from, to).p50Ms;

/** Relative errors, sorted. */
function errorsOf(pairs: readonly PublishedPair[], model: (pair: PublishedPair) => number): number[] {
  return pairs.map((pair) => Math.abs(model(pair) / pair.rttMs - 1)).toSorted((a, b) => a - b);
}

const share = (sorted: readonly number[], of: number): number => sorted[Math.floor(of * sorted.length)]!;
const median = (sorted: readonly number[]): number => share(sorted, 0.5);

describe('the calibration', () => {
  test('has a table for every pair of its regions', () => {
    for (const table of [aws2017, aws2025, azure2026, ibm2024]) {
      expect(table.rows.map((row) => row.length)).toEqual(Object.keys(table.regions).map((_, i) => i));
    }
  });

  test('has no pair that light could not make', () => {
    for (const { from, to, rttMs } of [aws2017, aws2025, azure2026, ibm2024].flatMap(pairsOf)) {
      expect(rttMs).toBeGreaterThan(roundTripFloorMs(from, to));
    }
  });

  test('gives the coefficients that stand in the code when it is done again', () => {
    expect(fitted).toEqual(coefficients);
  });

  test('is within 8 % of half the pairs that it was fitted to', () => {
    expect(median(errorsOf(calibration, ownModel))).toBeLessThan(0.08);
  });

  test('is within 9 % of half the pairs of a region that it was not fitted to', () => {
    const errors = Object.keys(aws2017.regions).flatMap((out) => {
      const model = modelOf(fit(({ a, b }) => a !== out && b !== out));
      return errorsOf(
        calibration.filter(({ a, b }) => a === out || b === out),
        model,
      );
    });
    expect(errors).toHaveLength(72);
    const sorted = errors.toSorted((a, b) => a - b);
    expect(median(sorted)).toBeLessThan(0.09);
    expect(share(sorted, 0.9)).toBeLessThan(0.3);
  });

  test('beats a straight line, which has about twice the error', () => {
    const errors = Object.keys(aws2017.regions).flatMap((out) => {
      const line = straightLine(calibration.filter(({ a, b }) => a !== out && b !== out));
      return errorsOf(
        calibration.filter(({ a, b }) => a === out || b === out),
        line,
      );
    });
    expect(median(errors.toSorted((a, b) => a - b))).toBeGreaterThan(0.15);
  });
});

describe('tables that nothing was fitted to', () => {
  test.each([
    ['AWS 2025, 27 regions', aws2025, 0.08, 0.23],
    ['Azure 2026, 29 regions', azure2026, 0.08, 0.23],
    ['IBM Cloud 2024, 10 regions', ibm2024, 0.06, 0.17],
  ])('%s', (_, table, half, nineOfTen) => {
    const errors = errorsOf(pairsOf(table), ownModel);
    expect(median(errors)).toBeLessThan(half);
    expect(share(errors, 0.9)).toBeLessThan(nineOfTen);
  });

  test('know 19 of 20 pairs below the p95', () => {
    const pairs = [aws2017, aws2025, azure2026, ibm2024].flatMap(pairsOf);
    const below = pairs.filter((pair) => pair.rttMs <= ownModel(pair) * p95Ratio).length / pairs.length;
    expect(below).toBeGreaterThan(0.93);
    expect(below).toBeLessThan(0.98);
  });

  test('have no region that the model is wrong about: half of its pairs are within 20 %', () => {
    for (const table of [aws2025, azure2026, ibm2024]) {
      for (const id of Object.keys(table.regions)) {
        const own = pairsOf(table).filter(({ a, b }) => a === id || b === id);
        expect(median(errorsOf(own, ownModel)), id).toBeLessThan(0.2);
      }
    }
  });
});

/** Least mean |ln| again, over lines. */
function straightLine(pairs: readonly PublishedPair[]): (pair: PublishedPair) => number {
  let best = { base: 0, factor: 1 };
  let least = Number.POSITIVE_INFINITY;
  for (let base = 0; base <= 60; base += 2) {
    for (let factor = 1; factor <= 2.5; factor += 0.05) {
      const loss = pairs.reduce(
        (sum, { from, to, rttMs }) =>
          sum + Math.abs(Math.log((base + factor * roundTripFloorMs(from, to)) / rttMs)),
        0,
      );
      if (loss < least) [least, best] = [loss, { base, factor }];
    }
  }
  return ({ from, to }) => best.base + best.factor * roundTripFloorMs(from, to);
}
