import type { LatencyVector } from '@tenma/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { roundTripFloorMs } from '../place/great-circle.ts';
import type { Place } from '../place/great-circle.ts';
import { anyPlace, makeNoise } from '../place/places.fixture.ts';
import { isPossible, type Measured, vectorAfter } from './measurement.ts';

const tokyo = { lat: 35.68, lon: 139.69 };
const yokohama = { lat: 35.44, lon: 139.64 };
const virginia = { lat: 39.04, lon: -77.49 };
const places = new Map([
  ['tokyo', tokyo],
  ['yokohama', yokohama],
  ['virginia', virginia],
]);
const planOf = (known: ReadonlyMap<string, Place>) => ({ places: known, roundMs: 60_000 });
const none: ReadonlyMap<string, LatencyVector> = new Map();
const floorMs = roundTripFloorMs(tokyo, virginia);

function after(before: LatencyVector | null, ...measured: Measured[]): LatencyVector {
  return vectorAfter(before, 'tokyo', measured, none, planOf(places));
}

/** A round of 5 samples every 30 s. */
function rounds(before: LatencyVector | null, count: number, sample: () => number): LatencyVector {
  let vector = before ?? after(null);
  const start = Date.parse(vector.to['virginia']?.at ?? '2025-01-01T00:00:00Z');
  for (let round = 1; round <= count; round++) {
    const samplesMs = Array.from({ length: 5 }, sample);
    vector = after(vector, { to: 'virginia', samplesMs, at: start + round * 30_000 });
  }
  return vector;
}

describe('a round trip', () => {
  test('is impossible exactly below the floor', () => {
    expect(isPossible(floorMs, floorMs)).toBe(true);
    expect(isPossible(floorMs - 1e-9, floorMs)).toBe(false);
    expect(isPossible(Number.NaN, floorMs)).toBe(false);
    expect(isPossible(Number.POSITIVE_INFINITY, floorMs)).toBe(false);
  });

  test('within a site can be any: a place is no more exact than a town', () => {
    expect(isPossible(0, 0)).toBe(true);
    expect(isPossible(0.1, roundTripFloorMs(tokyo, yokohama))).toBe(true);
    expect(isPossible(0.1, 0.6)).toBe(false);
    expect(isPossible(-1, 0)).toBe(false);
  });
});

describe('a vector', () => {
  test('has the median and the p95 of the first round', () => {
    const vector = after(null, { to: 'virginia', samplesMs: [150, 149, 151, 900, 148], at: 0 });
    expect(vector.to).toEqual({
      virginia: { p50_ms: 150, p95_ms: 750.2, samples: 5, at: '1970-01-01T00:00:00.000Z' },
    });
    expect(vector.coordinate?.error).toBeLessThan(1);
  });

  test('leaves impossible samples out, and a round of nothing else changes nothing', () => {
    const vector = after(null, { to: 'virginia', samplesMs: [floorMs - 1, 150, 20, 150], at: 0 });
    expect(vector.to['virginia']).toMatchObject({ p50_ms: 150, samples: 2 });
    expect(after(vector, { to: 'virginia', samplesMs: [floorMs - 1, 20], at: 1_000 })).toEqual(vector);
  });

  test('keeps the p50 of a path on which every tenth sample is late', () => {
    const noise = makeNoise(3);
    const vector = rounds(null, 30, () => (noise() < 0.1 ? 600 : 150 + noise()));
    expect(vector.to['virginia']?.p50_ms).toBeGreaterThan(149);
    expect(vector.to['virginia']?.p50_ms).toBeLessThan(165);
  });

  test('moves by less than a third when a whole round is late, and forgets it', () => {
    const steady = rounds(null, 10, () => 150);
    const hit = rounds(steady, 1, () => 450);
    expect(hit.to['virginia']?.p50_ms).toBeLessThan(150 + 300 / 3);
    expect(rounds(hit, 10, () => 150).to['virginia']?.p50_ms).toBeLessThan(155);
  });

  test('follows a path that has changed to within 10 % in eight rounds, and at once after a long silence', () => {
    const steady = rounds(null, 20, () => 150);
    expect(rounds(steady, 8, () => 300).to['virginia']?.p50_ms).toBeGreaterThan(270);
    const later = Date.parse(steady.to['virginia']!.at) + 6 * 3_600_000;
    const woken = after(steady, { to: 'virginia', samplesMs: [300, 300, 300], at: later });
    expect(woken.to['virginia']?.p50_ms).toBeCloseTo(300, 0);
  });

  test('is between the least and the most that was measured', () => {
    const sample = fc.double({ min: 120, max: 900, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.array(sample, { minLength: 1 }), { minLength: 1, maxLength: 20 }), (all) => {
        const end = all.reduce<LatencyVector | null>(
          (vector, samplesMs, i) => after(vector, { to: 'virginia', samplesMs, at: i * 1_000 }),
          null,
        );
        const { p50_ms, p95_ms, samples } = end!.to['virginia']!;
        const [least, most] = [Math.min(...all.flat()), Math.max(...all.flat())];
        return (
          p50_ms >= least - 0.1 && p50_ms <= most + 0.1 && p95_ms >= p50_ms && samples === all.flat().length
        );
      }),
    );
  });

  test('does not take a round that comes after a later one', () => {
    const vector = after(null, { to: 'virginia', samplesMs: [150], at: 60_000 });
    expect(after(vector, { to: 'virginia', samplesMs: [300], at: 30_000 })).toEqual(vector);
  });

  test('takes a round although a clock that was far ahead has written what is known, and begins anew with it', () => {
    const ahead = after(null, { to: 'virginia', samplesMs: [150, 150], at: 86_400_000 });
    const at = 60_000;
    expect(after(ahead, { to: 'virginia', samplesMs: [300], at }).to).toEqual({
      virginia: { p50_ms: 300, p95_ms: 300, samples: 1, at: '1970-01-01T00:01:00.000Z' },
    });
    const little = after(null, { to: 'virginia', samplesMs: [150, 150], at: at + 900_000 });
    expect(after(little, { to: 'virginia', samplesMs: [300], at })).toEqual(little);
  });

  test('forgets regions that have gone, and has nothing of regions without a place', () => {
    const vector = after(
      null,
      { to: 'virginia', samplesMs: [150], at: 0 },
      { to: 'mars', samplesMs: [9], at: 0 },
    );
    expect(Object.keys(vector.to)).toEqual(['virginia']);
    const without = new Map([['tokyo', tokyo]]);
    expect(vectorAfter(vector, 'tokyo', [], none, planOf(without)).to).toEqual({});
  });

  test('moves its coordinate by what others have measured of it, too', () => {
    const fromVirginia = vectorAfter(
      null,
      'virginia',
      [{ to: 'tokyo', samplesMs: [150], at: 0 }],
      none,
      planOf(places),
    );
    const others = new Map([['virginia', fromVirginia]]);
    const near: Measured = { to: 'yokohama', samplesMs: [2], at: 1_000 };
    const heard = vectorAfter(null, 'tokyo', [near], others, planOf(places));
    const silent = new Map([['virginia', { ...fromVirginia, to: {} }]]);
    const unheard = vectorAfter(null, 'tokyo', [near], silent, planOf(places)).coordinate;
    expect(heard.coordinate).not.toEqual(unheard);
    // From a time that has not come it says nothing, as from one that is long past.
    for (const at of ['1970-02-01T00:00:00.000Z', '1969-12-01T00:00:00.000Z']) {
      const to = { tokyo: { ...fromVirginia.to['tokyo']!, at } };
      const wrong = new Map([['virginia', { ...fromVirginia, to }]]);
      expect(vectorAfter(null, 'tokyo', [near], wrong, planOf(places)).coordinate).toEqual(unheard);
    }
  });

  test('no longer moves by what others have stopped measuring, from the fourth of its own rounds on', () => {
    const heardOnce = vectorAfter(
      null,
      'virginia',
      [{ to: 'tokyo', samplesMs: [250], at: 0 }],
      none,
      planOf(places),
    );
    const others = new Map([['virginia', heardOnce]]);
    const silent = new Map([['virginia', { ...heardOnce, to: {} }]]);
    let own = after(null, { to: 'yokohama', samplesMs: [2], at: 0 });
    const pulled: boolean[] = [];
    for (let round = 1; round <= 5; round += 1) {
      const near: Measured = { to: 'yokohama', samplesMs: [2], at: round * 60_000 };
      const unheard = vectorAfter(own, 'tokyo', [near], silent, planOf(places));
      own = vectorAfter(own, 'tokyo', [near], others, planOf(places));
      pulled.push(own.coordinate?.at.join() !== unheard.coordinate?.at.join());
    }
    expect(pulled).toEqual([true, true, true, false, false]);
  });

  test('comes out the same for the same input', () => {
    fc.assert(
      fc.property(anyPlace, fc.array(fc.double({ min: 0, max: 1_000, noNaN: true })), (place, samplesMs) => {
        const here = new Map([...places, ['here', place] as const]);
        const run = () => vectorAfter(null, 'here', [{ to: 'tokyo', samplesMs, at: 5 }], none, planOf(here));
        expect(run()).toEqual(run());
      }),
    );
  });
});
