import type { Dispatch } from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import { contextForTest, dispatchForTest, fleetOf } from './fixture.ts';
import { place, type PlacementContext } from './placement.ts';

const task = (changes: Partial<Dispatch> = {}) => dispatchForTest({ region: 'any', ...changes });
const context = contextForTest();

/** Where the task goes, as the key of its target, or why it goes nowhere. */
function goes(
  changes: Partial<Dispatch>,
  fleet: ReturnType<typeof fleetOf>,
  given: Partial<PlacementContext> = {},
): string {
  const result = place(task(changes), fleet, { ...context, ...given });
  return result.placed ? result.target.key : result.reason;
}

describe('placement', () => {
  it('sends a task to the region it names, to the active one, or to any', () => {
    const fleet = fleetOf({ id: 'a' }, { id: 'b', region: 'dublin' });
    expect(goes({ region: 'dublin' }, fleet)).toBe('dublin/echo-v1');
    expect(goes({ region: 'active' }, fleet)).toBe('tokyo/echo-v1');
    expect(['tokyo/echo-v1', 'dublin/echo-v1']).toContain(goes({ region: 'any' }, fleet));
  });

  it('keeps a task for any clear of regions that are not well, unless nobody else can take it', () => {
    const avoid = ['tokyo'];
    const both = fleetOf({ id: 'a', slots: 100 }, { id: 'b', region: 'dublin', running: 9 });
    expect(place(task(), both, { ...context, avoid })).toMatchObject({
      placement: {
        region: 'dublin',
        rejected: [{ pool: 'tokyo/echo-v1', reason: 'region tokyo is not well' }],
      },
    });
    expect(goes({ region: 'tokyo' }, both, { avoid })).toBe('tokyo/echo-v1');
    expect(goes({}, fleetOf({ id: 'a' }), { avoid })).toBe('tokyo/echo-v1');
  });

  it.each([
    [{ requires: { labels: ['gpu'] } }, 'tokyo/echo-v1 lacks label gpu'],
    [{ region: 'oregon' }, 'tokyo/echo-v1 not in region oregon'],
    [{ requires: { regions: ['oregon', 'dublin'] } }, 'tokyo/echo-v1 not in oregon or dublin'],
    [{ type: 'other', region: 'active' }, 'no pool for type other in region tokyo'],
    [{ type: 'other' }, 'no pool for type other in any region'],
    [{ majors: [2, 3] }, 'tokyo/echo-v1 takes inputs of major 1, and this one is for 2 or 3'],
    [{ requires: { version: '^1.2' } }, 'tokyo/echo-v1 runs 1.0.0, which is not in ^1.2'],
    [{ requires: { wee: 'wee-9' } }, 'wee-9 is not there'],
    [{ requires: { wee: 'leaving' } }, 'leaving is draining'],
    [{ requires: { wee: 'gpu-1' } }, 'tokyo/echo-v1 is not served by gpu-1'],
    [{ requires: { wee: 'a' } }, 'a has no queue of its own'],
  ])('says of %j why it goes nowhere', (changes: Partial<Dispatch>, why) => {
    const fleet = fleetOf(
      { id: 'a', shared: true },
      { id: 'gpu-1', type: 'render' },
      { id: 'leaving', status: 'draining' },
    );
    expect(goes(changes, fleet)).toContain('no_eligible_worker: ');
    expect(goes(changes, fleet)).toContain(why);
  });

  it('takes the first major that somebody runs, whatever its load, and says so of the others', () => {
    const fleet = fleetOf({ id: 'old' }, { id: 'new', version: '2.0.0', running: 50 });
    expect(goes({ majors: [2, 1] }, fleet)).toBe('tokyo/echo-v2');
    expect(goes({ majors: [1, 2] }, fleet)).toBe('tokyo/echo-v1');
    expect(goes({ majors: [3, 1] }, fleet)).toBe('tokyo/echo-v1');
    expect(place(task({ majors: [2, 1] }), fleet, context)).toMatchObject({
      placement: {
        rejected: [{ pool: 'tokyo/echo-v1', reason: 'major 2 comes before 1 for this input' }],
      },
    });
  });

  it('takes the lowest major that will do for a task from before there were several', () => {
    const fleet = fleetOf(
      { id: 'new', version: '2.0.0' },
      { id: 'old', running: 50 },
      { id: 'newest', version: '10.0.0' },
    );
    expect(goes({}, fleet)).toBe('tokyo/echo-v1');
    expect(goes({ requires: { version: '>=2' } }, fleet)).toBe('tokyo/echo-v2');
  });

  it('addresses a task to the WEE it asks for, and scores it by the load of that WEE alone', () => {
    const fleet = fleetOf({ id: 'a', running: 10, held: 2 }, { id: 'b' });
    expect(place(task({ requires: { wee: 'a' } }), fleet, context)).toMatchObject({
      target: { key: 'tokyo/echo-v1/a', member: { queue: 'own.tokyo.a' } },
      placement: { region: 'tokyo', pool: 'echo-v1', wee: 'a', score: 30 },
    });
  });

  it('addresses a task to a WEE of the version it asks for where the pool has others too', () => {
    const mixed = fleetOf({ id: 'a', version: '1.0.0' }, { id: 'b', version: '1.2.0' });
    expect(goes({ requires: { version: '^1.2' } }, mixed)).toBe('tokyo/echo-v1/b');
    expect(goes({ requires: { version: '^1.0' } }, mixed)).toBe('tokyo/echo-v1');
  });

  it('expects to wait for what is beyond the slots, times the mean, over the slots', () => {
    const fleet = fleetOf({ id: 'a', slots: 20, busy: 18, running: 9, cost: 2, held: 3, mean_ms: 200 });
    const parts = (changes: Partial<Dispatch>, sent: number) => {
      const result = place(task(changes), fleet, { ...context, sent: () => sent });
      return result.placed ? result.placement.parts?.wait_ms : null;
    };
    expect(parts({}, 0)).toBe(60);
    expect(parts({ cost: 4 }, 0)).toBe(80);
    expect(parts({}, 10)).toBe(160);
  });

  it('waits for nothing where an attempt fits beside those that run, however long they take', () => {
    const heavy = { cost: 100, slots: 200, running: 1, mean_ms: 5_000 };
    expect(place(task(), fleetOf({ id: 'a', ...heavy }), context)).toMatchObject({ placement: { score: 0 } });
  });

  it('prefers the pool with the shorter expected wait, and shows the score of the others', () => {
    const fleet = fleetOf({ id: 'a', running: 9, held: 9 }, { id: 'b', region: 'dublin' });
    expect(place(task(), fleet, context)).toMatchObject({
      placement: {
        region: 'dublin',
        score: 0,
        rejected: [{ pool: 'tokyo/echo-v1', reason: 'score 90 ms', score: 90 }],
      },
    });
  });

  it('keeps at most eight rejections, half of them for pools that could have run it', () => {
    const able = Array.from({ length: 9 }, (_, n) => ({ id: `a-${n}`, region: `able-${n}` }));
    const unable = able.map(({ id }, n) => ({ id: `x-${id}`, region: `old-${n}`, version: '2.0.0' }));
    const result = place(task({ majors: [1] }), fleetOf(...able, ...unable), context);
    const rejected = result.placed ? result.placement.rejected : [];
    expect(rejected.map(({ score }) => score === undefined)).toEqual([
      ...Array.from({ length: 4 }, () => false),
      ...Array.from({ length: 4 }, () => true),
    ]);
  });
});

describe('a task for any that deals with a region', () => {
  const near = { near: 'dublin' };
  const roundTrips = { dublin: { london: 12, tokyo: 215 } };
  const fleet = (...busy: readonly [number, number]) =>
    fleetOf({ id: 'l', region: 'london', held: busy[0] }, { id: 't', held: busy[1] });

  it('goes to the nearer region while that is idle, whatever is drawn', () => {
    for (const random of [0, 0.3, 0.6, 0.999]) {
      const given = { roundTrips, random: () => random };
      expect(goes(near, fleet(0, 0), given)).toBe('london/echo-v1');
    }
  });

  it('goes to the farther one where that is sooner done', () => {
    expect(goes(near, fleet(32, 0), { roundTrips })).toBe('tokyo/echo-v1');
    expect(goes(near, fleet(25, 0), { roundTrips })).toBe('london/echo-v1');
  });

  it('takes no time to the region itself, and from one that is not named as long as from the farthest', () => {
    const parts = (region: string, given: typeof roundTrips | Record<string, never>) => {
      const result = place(task(near), fleetOf({ id: 'x', region }), { ...context, roundTrips: given });
      return result.placed ? result.placement.parts?.round_trip_ms : undefined;
    };
    expect(parts('dublin', roundTrips)).toBe(0);
    expect(parts('sydney', roundTrips)).toBe(215);
    expect(parts('sydney', {})).toBe(150);
  });

  it('goes less gladly to a region that is degraded', () => {
    const given = { roundTrips, degraded: ['london'] };
    expect(goes(near, fleet(0, 0), given)).toBe('tokyo/echo-v1');
    expect(place(task({ region: 'london' }), fleet(0, 0), { ...context, ...given })).toMatchObject({
      placement: { score: 0, parts: { wait_ms: 0, round_trip_ms: null, penalty_ms: 0 } },
    });
  });
});
