import { describe, expect, it } from 'vitest';
import { createObserverSight } from './observer-sight.ts';

function sightOf(...regions: string[]) {
  const sight = createObserverSight();
  for (const region of regions) sight.watches(region);
  return sight;
}

describe('an observer', () => {
  it('that looks at one region only is believed', () => {
    expect(sightOf('a', 'a').canSee(0, 10)).toBe(true);
    expect(sightOf('a', 'a').controls(2, 'a', 10, 1_000)).toEqual([]);
  });

  it('can see when something answered after the failures began', () => {
    const sight = sightOf('a', 'b');
    expect(sight.canSee(0, 10)).toBe(false);
    sight.sawUp('b1', 'b', 100, 1_000);
    expect(sight.canSee(100, 200)).toBe(true);
    expect(sight.canSee(101, 200)).toBe(false);
  });

  it('cannot when the last thing that answered has long been silent', () => {
    const sight = sightOf('a', 'b');
    sight.sawUp('b1', 'b', 100, 1_000);
    expect(sight.canSee(0, 2_100)).toBe(true);
    expect(sight.canSee(0, 2_101)).toBe(false);
  });

  it('says when it last saw something up, as long as that is fresh', () => {
    const sight = sightOf('a', 'b');
    expect(sight.lastSawUp(0)).toBeNull();
    sight.sawUp('b1', 'b', 100, 1_000);
    expect(sight.lastSawUp(1_099)).toBe(100);
    expect(sight.lastSawUp(1_100)).toBeNull();
  });

  it('that looks at one region only says when it last saw that, however long ago', () => {
    const sight = sightOf('a', 'a');
    expect(sight.lastSawUp(0)).toBeNull();
    sight.sawUp('a1', 'a', 100, 1_000);
    expect(sight.lastSawUp(99_999)).toBe(100);
  });

  it('proves it on other regions first, one node each, the ones first that were asked longest ago', () => {
    const sight = sightOf('a', 'b', 'c', 'd');
    for (const [at, region] of ['a', 'b', 'c', 'd'].entries()) sight.sawUp(`${region}1`, region, at, 1_000);
    expect(sight.controls(2, 'a', 5_000, 1_000)).toEqual(['d1', 'c1']);
    expect(sight.controls(2, 'a', 5_999, 1_000)).toEqual([]);
    expect(sight.controls(3, 'a', 6_000, 1_000)).toEqual(['b1', 'd1', 'c1']);
    expect(sight.controls(9, 'a', 7_000, 1_000)).toHaveLength(4);
  });

  it('forgets a region in which it looks at nothing any more', () => {
    const sight = sightOf('a', 'b', 'b');
    sight.sawUp('b1', 'b', 1, 1_000);
    sight.watchesNoLonger('b');
    expect(sight.controls(1, 'a', 5_000, 1_000)).toEqual(['b1']);
    sight.watchesNoLonger('b');
    expect(sight.controls(1, 'a', 9_000, 1_000)).toEqual([]);
    expect(sight.canSee(9_000, 9_000)).toBe(true);
  });
});
