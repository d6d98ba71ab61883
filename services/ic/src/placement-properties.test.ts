import type { FleetView } from '@tenma/fleet';
import { isInRange } from '@tenma/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contextForTest, dispatchForTest, fleetOf, randomFrom, type WeeForTest } from './fixture.ts';
import { place, type PlacementContext } from './placement.ts';

const label = fc.constantFrom('gpu', 'ssd', 'dmz');
const region = fc.constantFrom<string>('tokyo', 'dublin', 'oregon');
const version = fc.constantFrom('1.0.0', '1.4.0', '2.0.0');
const wee = fc.record({
  labels: fc.uniqueArray(label, { maxLength: 2 }).map((labels) => labels.toSorted()),
  region,
  version,
  running: fc.nat(30),
  status: fc.constantFrom('online' as const, 'online' as const, 'draining' as const),
});
const wees = fc
  .array(wee, { maxLength: 8 })
  .map((all) => all.map((one, index): WeeForTest => ({ id: `wee-${index}`, ...one })));
const demand = fc.record(
  {
    region: fc.constantFrom('tokyo', 'any', 'active'),
    majors: fc.uniqueArray(fc.constantFrom<number>(1, 2), { minLength: 1 }),
    requires: fc.record(
      {
        labels: fc.uniqueArray(label, { maxLength: 2 }),
        regions: fc.uniqueArray(region, { minLength: 1 }),
        version: fc.constantFrom('^1', '>=1.4', '2.x'),
        wee: fc.constantFrom('wee-0', 'wee-1'),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ['region', 'requires'] },
);

describe('a placement', () => {
  it('is where all is that the task asks for, and is found if anything has it', () => {
    fc.assert(
      fc.property(wees, demand, fc.double({ min: 0, max: 0.999, noNaN: true }), (all, asked, drawn) => {
        const { labels = [], regions, version: range, wee: addressed } = asked.requires;
        const fits = (one: WeeForTest) =>
          one.status === 'online' &&
          labels.every((needed) => one.labels?.includes(needed)) &&
          (asked.region === 'any' ? (regions?.includes(one.region ?? '') ?? true) : one.region === 'tokyo') &&
          (asked.majors?.includes(Number(one.version?.[0])) ?? true) &&
          (range === undefined || isInRange(one.version ?? '', range)) &&
          (addressed === undefined || one.id === addressed);
        const result = place(
          dispatchForTest(asked),
          fleetOf(...all),
          contextForTest({ random: () => drawn }),
        );
        expect(result.placed).toBe(all.some(fits));
        if (!result.placed) return;
        const { pool, member } = result.target;
        // Whoever may take it from the queue that it goes to has all it asks for.
        const takers = member === null ? pool.wees : [member.weeId];
        for (const taker of takers) expect(all.filter(fits).map(({ id }) => id)).toContain(taker);
      }),
    );
  });

  it('adds up to its score, and shows none better that it passed over but within the tolerance', () => {
    const roundTrips = { dublin: { tokyo: 210, oregon: 130 } };
    fc.assert(
      fc.property(wees, fc.integer({ min: 1, max: 1e6 }), (all, seed) => {
        const context = contextForTest({ roundTrips, degraded: ['oregon'], random: randomFrom(seed) });
        const result = place(dispatchForTest({ region: 'any', near: 'dublin' }), fleetOf(...all), context);
        if (!result.placed) return;
        const { score, parts, rejected } = result.placement;
        expect((parts?.wait_ms ?? 0) + (parts?.round_trip_ms ?? 0) + (parts?.penalty_ms ?? 0)).toBeCloseTo(
          score,
        );
        const others = rejected.flatMap((one) => one.score ?? []);
        expect(score).toBeLessThanOrEqual(
          Math.max(5, 0.1 * Math.min(...others, score)) + Math.min(...others, score),
        );
        expect(rejected.length).toBeLessThanOrEqual(8);
      }),
    );
  });

  it('is never likelier for more load', () => {
    const loads = fc.array(fc.nat(25), { minLength: 2, maxLength: 4 });
    fc.assert(
      fc.property(loads, fc.integer({ min: 1, max: 20 }), (all, more) => {
        const fleet = (first: number) =>
          fleetOf(
            ...[first, ...all.slice(1)].map((running, n) => ({ id: `w${n}`, region: `r${n}`, running })),
          );
        const [before, after] = [all[0] ?? 0, (all[0] ?? 0) + more];
        expect(chanceOf('r0', fleet(after))).toBeLessThanOrEqual(chanceOf('r0', fleet(before)) + 0.02);
      }),
      { numRuns: 40 },
    );
  });
});

/** How often a region is chosen, over a grid of all that can be drawn. */
function chanceOf(wanted: string, fleet: FleetView): number {
  const side = 60;
  let chosen = 0;
  for (let first = 0; first < side; first += 1) {
    for (let second = 0; second < side; second += 1) {
      const draws = [(first + 0.5) / side, (second + 0.5) / side];
      const random = () => draws.shift() ?? 0;
      const result = place(dispatchForTest({ region: 'any' }), fleet, contextForTest({ random }));
      if (result.placed && result.placement.region === wanted) chosen += 1;
    }
  }
  return chosen / side ** 2;
}

describe('10,000 placements on equal pools', () => {
  interface Ic {
    readonly context: PlacementContext;
    readonly sent: Map<string, number>;
  }

  const createIc = (seed: number): Ic => {
    const sent = new Map<string, number>();
    const context = contextForTest({ random: randomFrom(seed), sent: (key) => sent.get(key) ?? 0 });
    return { context, sent };
  };

  it.each([
    { pools: 2, ics: 1, refresh: 100 },
    { pools: 5, ics: 1, refresh: 1_000 },
    { pools: 50, ics: 1, refresh: 500 },
    { pools: 5, ics: 2, refresh: 500 },
    { pools: 10, ics: 4, refresh: 2_000 },
    { pools: 5, ics: 2, refresh: 10_000 },
  ])(
    'spread within ten percent: $pools pools, $ics ICs, presence every $refresh',
    ({ pools, ics, refresh }) => {
      const counts = new Map<string, number>();
      const since = new Map<string, number>();
      const all = Array.from({ length: ics }, (_, n) => createIc(7 + n * 1_001));
      // Half of what was sent since the last word still runs.
      const look = () =>
        fleetOf(
          ...Array.from({ length: pools }, (_, n) => {
            const running = Math.round((since.get(`r${n}/echo-v1`) ?? 0) / 2);
            return { id: `w${n}`, region: `r${n}`, slots: 100, running };
          }),
        );
      let fleet = look();
      for (let n = 0; n < 10_000; n += 1) {
        if (n % refresh === 0) {
          fleet = look();
          since.clear();
          for (const { sent } of all) sent.clear();
        }
        const { context, sent } = all[n % ics] as Ic;
        const result = place(dispatchForTest({ region: 'any' }), fleet, context);
        if (!result.placed) throw new Error(result.reason);
        for (const map of [counts, since, sent]) {
          map.set(result.target.key, (map.get(result.target.key) ?? 0) + 1);
        }
      }
      const even = 10_000 / pools;
      expect(counts.size).toBe(pools);
      for (const count of counts.values()) expect(Math.abs(count - even) / even).toBeLessThan(0.1);
    },
  );
});

it('many ICs with the same view do not all run to the pool that is a little emptier', () => {
  const fleet = fleetOf(
    ...Array.from({ length: 10 }, (_, n) => ({ id: `w${n}`, region: `r${n}`, running: n === 0 ? 4 : 5 })),
  );
  const random = randomFrom(5);
  const firsts = Array.from({ length: 200 }, () => {
    const result = place(dispatchForTest({ region: 'any' }), fleet, contextForTest({ random }));
    return result.placed ? result.placement.region : result.reason;
  });
  const emptiest = firsts.filter((region) => region === 'r0').length;
  expect(emptiest).toBeGreaterThan(20);
  expect(emptiest).toBeLessThan(70);
  expect(new Set(firsts).size).toBe(10);
});
