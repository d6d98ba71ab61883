import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { distanceKm, earthRadiusKm, type Place, roundTripFloorMs } from './great-circle.ts';
import { anyPlace } from './places.fixture.ts';

const tokyo = { lat: 35.68, lon: 139.69 };
const virginia = { lat: 39.04, lon: -77.49 };
const singapore = { lat: 1.35, lon: 103.82 };

describe('the great circle', () => {
  const halfTurnKm = Math.PI * earthRadiusKm;
  const nearly = (a: number, b: number) => Math.abs(a - b) < 1e-3;

  test('is as long there as back', () => {
    fc.assert(fc.property(anyPlace, anyPlace, (a, b) => nearly(distanceKm(a, b), distanceKm(b, a))));
  });

  test('is nothing from a place to itself, and a metre to a place a metre away', () => {
    fc.assert(fc.property(anyPlace, (a) => distanceKm(a, a) === 0));
    const metre = { lat: 180 / halfTurnKm / 1_000, lon: 0 };
    expect(distanceKm({ lat: 0, lon: 0 }, metre)).toBeCloseTo(0.001, 9);
  });

  test('is never longer than half the globe, nor is its round trip longer than that of a detour', () => {
    fc.assert(
      fc.property(anyPlace, anyPlace, anyPlace, (a, b, c) => {
        const detour = roundTripFloorMs(a, b) + roundTripFloorMs(b, c);
        return distanceKm(a, c) <= halfTurnKm + 1e-6 && roundTripFloorMs(a, c) <= detour + 1e-5;
      }),
    );
  });

  test('does not mind on which side of the date line a place is written', () => {
    const both = (a: Place) => nearly(distanceKm({ ...a, lon: -180 }, a), distanceKm({ ...a, lon: 180 }, a));
    fc.assert(fc.property(anyPlace, both));
  });

  test('gives round trips that light in fibre needs', () => {
    expect(distanceKm(tokyo, singapore)).toBeCloseTo(5_312, -1);
    expect(roundTripFloorMs(tokyo, singapore)).toBeCloseTo(53.1, 0);
    expect(roundTripFloorMs(tokyo, virginia)).toBeCloseTo(109, 0);
  });
});
