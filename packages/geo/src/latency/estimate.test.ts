import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { roundTripFloorMs } from '../place/great-circle.ts';
import { anyPlace } from '../place/places.fixture.ts';
import { coefficients, estimateRoundTrip } from './estimate.ts';
import { makeNetwork } from './network.ts';

const frankfurt = { lat: 50.11, lon: 8.68 };
const singapore = { lat: 1.35, lon: 103.82 };
const tokyo = { lat: 35.68, lon: 139.69 };
const saoPaulo = { lat: -23.55, lon: -46.63 };
const lisbon = { lat: 38.72, lon: -9.14 };

describe('the estimate', () => {
  test('is never below the floor, and its p95 never below its p50', () => {
    fc.assert(
      fc.property(anyPlace, anyPlace, (a, b) => {
        const { p50Ms, p95Ms } = estimateRoundTrip(a, b);
        return p50Ms >= roundTripFloorMs(a, b) && p95Ms >= p50Ms && Number.isFinite(p95Ms);
      }),
    );
  });

  test('is the same there and back, to the last bit', () => {
    fc.assert(
      fc.property(
        anyPlace,
        anyPlace,
        (a, b) => estimateRoundTrip(a, b).p50Ms === estimateRoundTrip(b, a).p50Ms,
      ),
    );
  });

  test('costs within a site what every path costs', () => {
    expect(estimateRoundTrip(tokyo, tokyo).p50Ms).toBe(coefficients.baseMs);
  });

  test('goes around what lies between: from Europe to East Asia real paths are twice the floor and more', () => {
    const ratio = (a: typeof tokyo, b: typeof tokyo) =>
      estimateRoundTrip(a, b).p50Ms / roundTripFloorMs(a, b);
    expect(ratio(frankfurt, tokyo)).toBeGreaterThan(2.2);
    expect(ratio(frankfurt, singapore)).toBeGreaterThan(1.5);
    expect(ratio(tokyo, { lat: 45.52, lon: -122.68 })).toBeLessThan(1.5);
  });

  test('does not take a cable that hardly any traffic takes', () => {
    expect(estimateRoundTrip(saoPaulo, lisbon).p50Ms).toBeGreaterThan(170);
  });
});

describe('the network', () => {
  test('has a way from every waypoint to every other, and none shorter than light is', () => {
    const { waypoints, ways } = makeNetwork(coefficients.landFactor);
    const shortest = waypoints.flatMap((a, i) =>
      waypoints.map((b, j) => ways[i * waypoints.length + j]! / 100 - roundTripFloorMs(a, b)),
    );
    expect(Math.min(...shortest)).toBeGreaterThan(-1e-6);
    expect(Math.max(...shortest)).toBeLessThan(1_000);
  });
});
