import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseObservers } from './choose-observers.ts';

const regions = Array.from({ length: 12 }, (_, at) => `region-${at}`);
const nodes = Array.from({ length: 3_000 }, (_, at) => ({
  nodeId: `node-${at}`,
  regionId: regions[at % 12]!,
}));
const choose = (withWorkers: readonly string[], count = 3) =>
  nodes.map((node) => chooseObservers({ ...node, withWorkers, count }));

describe('the observers of a node', () => {
  it.each([
    [['a', 'b', 'c', 'd', 'e'], 3, 3, false],
    [['a', 'b', 'c'], 3, 3, true],
    [['a', 'b'], 3, 2, true],
    [['b', 'c'], 3, 2, false],
    [['a'], 3, 1, true],
    [['b'], 3, 1, false],
    [[], 3, 0, false],
    [['a', 'b', 'c', 'd', 'e', 'f', 'g'], 9, 5, false],
    [['a', 'b'], 0, 1, false],
  ])('of a node in a, with workers in %j and %i wanted: %i, its own region among them: %s', (...row) => {
    const [withWorkers, count, expected, own] = row;
    const chosen = chooseObservers({ nodeId: 'n', regionId: 'a', withWorkers, count });
    expect(chosen).toHaveLength(expected);
    expect(chosen.includes('a')).toBe(own);
    // Its own region is the last resort.
    expect(chosen.indexOf('a')).toBe(own ? expected - 1 : -1);
  });

  it('are the same in whatever order the regions come, and however often', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(regions), fc.integer({ min: 1, max: 5 }), (some, count) => {
        const wish = { nodeId: 'n', regionId: 'region-0', count };
        const chosen = chooseObservers({ ...wish, withWorkers: some });
        expect(chosen).toEqual(chooseObservers({ ...wish, withWorkers: [...some, ...some].reverse() }));
        expect(new Set(chosen).size).toBe(chosen.length);
        expect(chosen.every((one) => some.includes(one))).toBe(true);
      }),
    );
  });

  it('spread evenly over the regions', () => {
    const load = new Map<string, number>();
    for (const observer of choose(regions).flat()) load.set(observer, (load.get(observer) ?? 0) + 1);
    const fair = (nodes.length * 3) / regions.length;
    for (const region of regions) {
      expect(load.get(region)).toBeGreaterThan(fair * 0.85);
      expect(load.get(region)).toBeLessThan(fair * 1.15);
    }
  });

  it('change only where the new region is drawn when one is added', () => {
    const before = choose(regions.slice(0, 11));
    const after = choose(regions);
    const changes = before.map((chosen, at) => chosen.filter((one) => !after[at]!.includes(one)).length);
    expect(Math.max(...changes)).toBe(1);
    // One in twelve draws, of three each.
    expect(changes.reduce((a, b) => a + b)).toBeLessThan(nodes.length * 3 * (1.2 / 11));
  });
});
