import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LatencyVector } from '@tenma/protocol';
import { slowness } from '@tenma/test-support';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Place, roundTripFloorMs } from '../place/great-circle.ts';
import { anyPlace, placesAround } from '../place/places.fixture.ts';
import {
  effectiveRoundTripMs,
  latencyCell,
  latencyMatrix,
  type LatencySight,
  roundTripsFrom,
} from './matrix.ts';
import { rememberedSamples, vectorAfter } from './measurement.ts';
import { replicationGroup } from './replication-group.ts';

const now = Date.parse('2025-06-01T12:00:00Z');
const tokyo = { lat: 35.68, lon: 139.69 };
const virginia = { lat: 39.04, lon: -77.49 };
const singapore = { lat: 1.35, lon: 103.82 };
const places = new Map<string, Place>([
  ['tokyo', tokyo],
  ['virginia', virginia],
  ['singapore', singapore],
]);
const signal = new AbortController().signal;
const breathe = (): Promise<void> => nextTurn();

function sightOf(vectors: LatencyVector[] = [], all: ReadonlyMap<string, Place> = places): LatencySight {
  return {
    places: all,
    vectors: new Map(vectors.map((vector) => [vector.from, vector])),
    now,
    freshMs: 90_000,
  };
}

function measuredFrom(from: string, to: string, ms: number, ageMs: number): LatencyVector {
  const vector = vectorAfter(null, from, [{ to, samplesMs: [ms], at: now - ageMs }], new Map(), {
    places,
    roundMs: 60_000,
  });
  return { ...vector, coordinate: null };
}

const coordinate = (x: number, error: number) => ({ at: [x, 0, 0], height_ms: 1, error });

const timeOf = (ageMs: number): string => new Date(now - ageMs).toISOString();

/** A region that has measured some other so long ago, and has a coordinate. */
function settled(from: string, x: number, error: number, ageMs = 0): LatencyVector {
  const to = { elsewhere: { p50_ms: 200, p95_ms: 210, samples: 5, at: timeOf(ageMs) } };
  return { from, to, coordinate: coordinate(x, error) };
}

describe('a cell', () => {
  test('is null to the region itself and where a region has no place', () => {
    expect(latencyCell('effective', 'tokyo', 'tokyo', sightOf())).toBeNull();
    expect(latencyCell('floor', 'tokyo', 'mars', sightOf())).toBeNull();
    expect(effectiveRoundTripMs('tokyo', 'tokyo', sightOf())).toBe(0);
    expect(effectiveRoundTripMs('tokyo', 'mars', sightOf())).toBe(Number.POSITIVE_INFINITY);
  });

  test('of the floor says what light allows', () => {
    const cell = latencyCell('floor', 'tokyo', 'singapore', sightOf());
    expect(cell).toMatchObject({ kind: 'floor', rtt_ms: 53.2, p95_ms: 53.2, samples: 0, age_ms: null });
  });

  test('of the measured layer is what was measured from either end, however old', () => {
    const sight = sightOf([measuredFrom('virginia', 'tokyo', 150.26, 3_600_000)]);
    expect(latencyCell('measured', 'tokyo', 'virginia', sight)).toMatchObject({
      kind: 'measured',
      rtt_ms: 150.3,
      samples: 1,
      age_ms: 3_600_000,
    });
    expect(latencyCell('measured', 'tokyo', 'singapore', sight)).toBeNull();
  });

  test('takes the newer measurement of the two ends', () => {
    const sight = sightOf([
      measuredFrom('virginia', 'tokyo', 150, 50_000),
      measuredFrom('tokyo', 'virginia', 160, 10_000),
    ]);
    expect(effectiveRoundTripMs('virginia', 'tokyo', sight)).toBe(160);
    expect(effectiveRoundTripMs('tokyo', 'virginia', sight)).toBe(160);
  });

  test('of two ends is the one whose time can be, where a clock that is ahead has written the other', () => {
    const sight = sightOf([
      measuredFrom('virginia', 'tokyo', 150, -86_400_000),
      measuredFrom('tokyo', 'virginia', 160, 10_000),
    ]);
    const fresh = { kind: 'measured', rtt_ms: 160, age_ms: 10_000 };
    expect(latencyCell('effective', 'virginia', 'tokyo', sight)).toMatchObject(fresh);
    const alone = sightOf([measuredFrom('virginia', 'tokyo', 150, -86_400_000)]);
    expect(latencyCell('effective', 'virginia', 'tokyo', alone)).toMatchObject({ kind: 'estimated' });
  });

  test('is effectively a fresh measurement, else coordinates that are sure, else the estimate', () => {
    const kind = (ageMs: number, error: number) => {
      const tokyoVector = {
        ...measuredFrom('tokyo', 'virginia', 150, ageMs),
        coordinate: coordinate(0, 0.05),
      };
      const sight = sightOf([tokyoVector, settled('virginia', 170, error)]);
      return latencyCell('effective', 'virginia', 'tokyo', sight);
    };
    expect(kind(90_000, 0.05)).toMatchObject({ kind: 'measured', rtt_ms: 150, age_ms: 90_000 });
    expect(kind(90_001, 0.05)).toMatchObject({ kind: 'coordinates', rtt_ms: 172, error_ms: 34.4 });
    expect(kind(90_001, 0.1)).toMatchObject({ kind: 'estimated', age_ms: null });
  });

  test('takes coordinates exactly where they say that they are surer than the estimate says that it is', () => {
    const cell = (error: number, layer: 'effective' | 'estimated' = 'effective') => {
      const sight = sightOf([settled('tokyo', 0, 0.01), settled('virginia', 170, error)]);
      return latencyCell(layer, 'tokyo', 'virginia', sight)!;
    };
    const unsure = ({ rtt_ms, error_ms }: { rtt_ms: number; error_ms: number | null }) => error_ms! / rtt_ms;
    expect(cell(0.099).kind).toBe('coordinates');
    expect(unsure(cell(0.099))).toBeLessThan(unsure(cell(0, 'estimated')));
    expect(cell(0.1).kind).toBe('estimated');
  });

  test('no longer takes the coordinate of a region that has measured nothing for four times as long', () => {
    const kind = (ageMs: number, more: Partial<LatencySight> = {}) => {
      const sight = sightOf([settled('tokyo', 0, 0.05), settled('virginia', 170, 0.05, ageMs)]);
      return latencyCell('effective', 'tokyo', 'virginia', { ...sight, ...more })?.kind;
    };
    expect(kind(360_000)).toBe('coordinates');
    expect(kind(360_001)).toBe('estimated');
    expect(kind(-360_001)).toBe('estimated');
    expect(kind(360_001, { freshMs: Number.POSITIVE_INFINITY })).toBe('coordinates');
    const never = sightOf([settled('tokyo', 0, 0.05), { ...settled('virginia', 170, 0.05), to: {} }]);
    expect(latencyCell('effective', 'tokyo', 'virginia', never)?.kind).toBe('estimated');
  });

  test('that is measured says how far it may be off by the samples that it remembers', () => {
    const errorMs = (samples: number) => {
      const { to, ...vector } = measuredFrom('tokyo', 'virginia', 150, 0);
      const measured = { ...to['virginia']!, p95_ms: 170, samples };
      const sight = sightOf([{ ...vector, to: { virginia: measured } }]);
      return latencyCell('effective', 'tokyo', 'virginia', sight)?.error_ms;
    };
    expect(errorMs(0)).toBe(25);
    expect(errorMs(4)).toBe(12.5);
    expect(errorMs(rememberedSamples)).toBe(7.2);
    expect(errorMs(100_000)).toBe(7.2);
  });

  test('does not believe a measurement that the registered place makes impossible', () => {
    const corrected = new Map([...places, ['tokyo', { lat: -35, lon: 20 }] as const]);
    const sight = sightOf([measuredFrom('tokyo', 'virginia', 110, 0)], corrected);
    expect(latencyCell('measured', 'tokyo', 'virginia', sight)).toBeNull();
    expect(latencyCell('effective', 'tokyo', 'virginia', sight)?.kind).toBe('estimated');
  });

  test.each(['floor', 'estimated', 'effective'] as const)(
    'of layer %s is to 0.1 ms, not below the floor, and the same both ways',
    (layer) => {
      fc.assert(
        fc.property(anyPlace, anyPlace, fc.double({ min: 0, max: 300, noNaN: true }), (a, b, x) => {
          const two = new Map([['a', a] as const, ['b', b] as const]);
          const vectors = [settled('a', 0, 0.05), settled('b', x, 0.05)];
          const cell = latencyCell(layer, 'a', 'b', sightOf(vectors, two))!;
          expect(cell.rtt_ms).toBeGreaterThanOrEqual(roundTripFloorMs(a, b));
          expect(cell.p95_ms).toBeGreaterThanOrEqual(cell.p50_ms);
          expect(Math.abs(cell.rtt_ms * 10 - Math.round(cell.rtt_ms * 10))).toBeLessThan(1e-6);
          expect(latencyCell(layer, 'b', 'a', sightOf(vectors, two))).toEqual(cell);
        }),
      );
    },
  );
});

describe('the matrix', () => {
  test('has the cells of the layer, and none of a region to itself', async () => {
    const sight = sightOf([measuredFrom('tokyo', 'virginia', 150, 0)]);
    const all = await latencyMatrix('effective', sight, { signal, breathe });
    expect(Object.keys(all.matrix)).toEqual([...places.keys()]);
    expect(Object.keys(all.matrix['tokyo']!)).toEqual(['virginia', 'singapore']);
    expect(all.cells['virginia']!['tokyo']).toEqual(latencyCell('effective', 'virginia', 'tokyo', sight));
    expect(all.matrix['virginia']!['tokyo']).toBe(150);
    const measured = await latencyMatrix('measured', sight, { signal, breathe });
    expect({ ...measured.matrix['singapore'] }).toEqual({});
    const row = await latencyMatrix('floor', sight, {
      from: ['tokyo', 'mars'],
      cells: false,
      signal,
      breathe,
    });
    expect(Object.keys(row.matrix)).toEqual(['tokyo']);
    expect(Object.keys(row.cells)).toEqual([]);
  });

  const bounds = [
    [10, 5],
    [50, 10],
    [1_000, 500],
  ] as const;
  test.each(bounds)(
    'of %i regions takes no more than %i ms of processor time (with a slack of 3)',
    async (count, ms) => {
      const all = placesAround(count);
      const vectors = [...all.keys()].map((from, i): LatencyVector => {
        const at = new Date(now).toISOString();
        const to = { [`region-${(i + 1) % count}`]: { p50_ms: 300, p95_ms: 310, samples: 5, at } };
        return { from, to, coordinate: i % 2 === 0 ? coordinate(i, 0.05) : null };
      });
      const budgetMs = 3 * ms * slowness();
      for (const layer of ['estimated', 'effective'] as const) {
        const costMs = async () => {
          const before = process.threadCpuUsage();
          const options = { signal, breathe, cells: count < 1_000 };
          const { matrix } = await latencyMatrix(layer, sightOf(vectors, all), options);
          const { user, system } = process.threadCpuUsage(before);
          expect(Object.keys(matrix)).toHaveLength(count);
          return (user + system) / 1_000;
        };
        // The first compiles.
        expect(Math.min(await costMs(), await costMs())).toBeLessThan(budgetMs);
      }
    },
    60_000,
  );

  test('gives the event loop back every few milliseconds, tells how far it is, and stops when it is aborted', async () => {
    const sight = sightOf([], placesAround(1_000));
    const budgetMs = 50 * slowness();
    let longest = 0;
    let sliceBegan = process.threadCpuUsage();
    const done: number[] = [];
    await latencyMatrix('effective', sight, {
      signal,
      cells: false,
      onRows: (rows) => done.push(rows),
      breathe: async () => {
        const { user, system } = process.threadCpuUsage(sliceBegan);
        longest = Math.max(longest, (user + system) / 1_000);
        await nextTurn();
        sliceBegan = process.threadCpuUsage();
      },
    });
    expect(done.at(-1)).toBe(1_000);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(longest).toBeLessThan(budgetMs);

    const controller = new AbortController();
    const stopped = latencyMatrix('effective', sight, {
      signal: controller.signal,
      breathe: async () => controller.abort(new Error('enough')),
    });
    await expect(stopped).rejects.toThrow('enough');
  }, 60_000);
});

describe('round trips from one region', () => {
  const some = placesAround(60);
  const vectors = [...some.keys()].map((from, i) => ({
    ...settled(from, i, i % 3 === 0 ? 0.05 : 1),
    ...(i === 0 ? { to: { 'region-1': { p50_ms: 300, p95_ms: 310, samples: 5, at: timeOf(0) } } } : {}),
  }));
  const ids = [...some.keys(), 'mars'];

  test('are those of each pair', () => {
    const sight = sightOf(vectors, some);
    for (const from of ['region-0', 'region-31', 'mars']) {
      const pairs = ids.map((to) => [to, effectiveRoundTripMs(from, to, sight)] as const);
      expect(roundTripsFrom(from, ids, sight)).toEqual(new Map(pairs));
    }
    expect(roundTripsFrom('region-0', ids, sight).get('region-1')).toBe(300);
  });

  test('look at each region once, and so does a replication group', () => {
    const asked: string[] = [];
    class Watched extends Map<string, LatencyVector> {
      override get(id: string) {
        asked.push(id);
        return super.get(id);
      }
    }
    const sight = { ...sightOf(vectors, some), vectors: new Watched(vectors.map((one) => [one.from, one])) };
    for (const ask of [roundTripsFrom, (from: string) => replicationGroup(from, ids, 2, sight)]) {
      asked.length = 0;
      ask('region-7', ids, sight);
      expect(asked.toSorted()).toEqual([...some.keys()].toSorted());
    }
  });
});

describe('a replication group', () => {
  const sight = sightOf([measuredFrom('tokyo', 'virginia', 110, 0)]);

  test('is the nearest by effective round trip, nearest first, without the source', () => {
    expect(replicationGroup('singapore', ['virginia', 'tokyo', 'singapore', 'mars'], 5, sight)).toMatchObject(
      {
        source_region: 'singapore',
        replication_targets: ['tokyo', 'virginia'],
      },
    );
    const one = replicationGroup('tokyo', ['virginia', 'singapore'], 1, sight);
    expect(one.replication_targets).toEqual(['singapore']);
    expect(one.latencies_ms).toEqual({ singapore: effectiveRoundTripMs('tokyo', 'singapore', sight) });
  });

  test('is empty for a source that is not known, and for no candidates', () => {
    expect(replicationGroup('mars', ['tokyo'], 2, sight).replication_targets).toEqual([]);
    expect(replicationGroup('tokyo', [], 2, sight).replication_targets).toEqual([]);
  });
});
