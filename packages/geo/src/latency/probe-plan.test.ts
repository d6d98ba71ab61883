import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { distanceKm, type Place } from '../place/great-circle.ts';
import { anyPlace, placesAround } from '../place/places.fixture.ts';
import { probePlan } from './probe-plan.ts';

const regionMaps = (minLength: number, maxLength: number) =>
  fc
    .uniqueArray(fc.tuple(fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,10}$/), anyPlace), {
      minLength,
      maxLength,
      selector: ([id]) => id,
    })
    .map((entries) => new Map<string, Place>(entries));

const planOf = (places: ReadonlyMap<string, Place>, peers?: number) =>
  probePlan([...places.keys()], places, peers === undefined ? {} : { peers });

function pairsIn(plan: ReadonlyMap<string, readonly string[]>): string[] {
  return [...plan].flatMap(([from, targets]) => targets.map((to) => [from, to].toSorted().join(' ')));
}

function isConnected(plan: ReadonlyMap<string, readonly string[]>): boolean {
  const neighbours = new Map([...plan.keys()].map((id) => [id, [] as string[]]));
  for (const [from, targets] of plan) {
    for (const to of targets) {
      neighbours.get(from)?.push(to);
      neighbours.get(to)?.push(from);
    }
  }
  const reached = new Set([...plan.keys()].slice(0, 1));
  for (const id of reached) for (const next of neighbours.get(id) ?? []) reached.add(next);
  return reached.size === plan.size;
}

describe('the probe plan', () => {
  test('has every pair once while there are few regions, shared fairly', () => {
    const plan = planOf(placesAround(7));
    expect(new Set(pairsIn(plan)).size).toBe(21);
    expect(pairsIn(plan)).toHaveLength(21);
    for (const targets of plan.values()) expect(targets.length).toBeLessThanOrEqual(4);
  });

  test('has at most half of `peers` pairs a region, each once, none of a region with itself', () => {
    fc.assert(
      fc.property(regionMaps(8, 60), fc.integer({ min: 2, max: 7 }), (places, peers) => {
        const pairs = pairsIn(planOf(places, peers));
        const loops = pairs.filter((pair) => new Set(pair.split(' ')).size === 1);
        const most = places.size > peers + 1 ? Math.floor(peers / 2) * places.size : Number.POSITIVE_INFINITY;
        return pairs.length <= most && new Set(pairs).size === pairs.length && loops.length === 0;
      }),
    );
  });

  test('connects all regions, wherever they are', () => {
    fc.assert(
      fc.property(regionMaps(1, 60), fc.integer({ min: 1, max: 7 }), (places, peers) => {
        const plan = planOf(places, peers);
        return plan.size === places.size && isConnected(plan);
      }),
    );
  });

  test('grows with the regions and not with their square', () => {
    const count = (n: number) => pairsIn(planOf(placesAround(n))).length;
    expect(count(50)).toBeLessThanOrEqual(150);
    expect(count(400) / count(100)).toBeLessThan(4.5);
    expect(count(400)).toBeGreaterThan(800);
  });

  test('measures near and far: each region has a peer much nearer than its average and one about as far or farther', () => {
    const places = placesAround(60);
    const plan = planOf(places);
    const peersOf = (id: string) =>
      [...places.keys()].filter((other) => plan.get(id)?.includes(other) || plan.get(other)?.includes(id));
    for (const [id, place] of places) {
      const km = (other: string) => distanceKm(place, places.get(other)!);
      const all = [...places.keys()].filter((other) => other !== id).map(km);
      const average = all.reduce((sum, each) => sum + each, 0) / all.length;
      expect(Math.min(...peersOf(id).map(km))).toBeLessThan(average / 2);
      expect(Math.max(...peersOf(id).map(km))).toBeGreaterThan(0.9 * average);
    }
  });

  test('is the same whatever the order of the regions', () => {
    fc.assert(
      fc.property(regionMaps(1, 40), (places) => {
        const reversed = probePlan([...places.keys()].toReversed(), places);
        expect(Object.fromEntries(reversed)).toEqual(Object.fromEntries(planOf(places)));
      }),
    );
  });

  test('keeps nearly all pairs when a region is added', () => {
    const changes = Array.from({ length: 40 }, (_, extra) => {
      const all = placesAround(101);
      const left = new Map([...all].filter(([id]) => id !== `region-${extra * 2}`));
      const [before, now] = [new Set(pairsIn(planOf(left))), new Set(pairsIn(planOf(all)))];
      return before.symmetricDifference(now).size;
    });
    const mean = changes.reduce((sum, each) => sum + each, 0) / changes.length;
    expect(mean).toBeLessThan(9);
    expect(Math.max(...changes)).toBeLessThan(30);
  });

  test('leaves out regions without a place', () => {
    const places = placesAround(3);
    expect([...probePlan(['nowhere', ...places.keys()], places).keys()]).toEqual([...places.keys()]);
  });
});
