import { type FleetView, emptyFleet, withPresence } from '@tenma/fleet';
import type { Dispatch, Presence } from '@tenma/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dispatchForTest } from './fixture.ts';
import { place } from './placement.ts';

interface WeeForTest {
  id: string;
  region: string;
  labels?: string[];
  slots?: number;
  running?: number;
  type?: string;
}

function presence({ id, region, labels = [], slots = 10, running = 0, type = 'echo' }: WeeForTest): Presence {
  const pool = [`${type}-v1`, ...labels].join('_');
  return {
    wee_id: id,
    boot_id: 'boot',
    region,
    status: 'online',
    labels,
    version: '1.0.0',
    since: '2026-01-01T00:00:00.000Z',
    pools: [{ pool, type, labels, queue: `q.${region}.${pool}`, slots, running, held: 0 }],
    types: [],
    echo: null,
  };
}

const fleetOf = (wees: WeeForTest[]): FleetView =>
  wees.reduce((fleet, wee) => withPresence(fleet, presence(wee), 0), emptyFleet);

const task = (changes: Partial<Dispatch> = {}) => dispatchForTest({ region: 'any', ...changes });

const context = { activeRegion: 'tokyo', avoid: [], sent: () => 0, random: () => 0 };

describe('placement', () => {
  it('sends a task to the region it names, to the active one, or to any', () => {
    const fleet = fleetOf([
      { id: 'a', region: 'tokyo' },
      { id: 'b', region: 'dublin' },
    ]);
    const regionFor = (region: string) => {
      const result = place(task({ region }), fleet, context);
      return result.placed ? result.placement.region : result.reason;
    };
    expect(regionFor('dublin')).toBe('dublin');
    expect(regionFor('active')).toBe('tokyo');
    expect(['tokyo', 'dublin']).toContain(regionFor('any'));
  });

  it('keeps a task for any clear of regions that are not well, unless nobody else can take it', () => {
    const avoid = ['tokyo'];
    const both = fleetOf([
      { id: 'a', region: 'tokyo', slots: 100 },
      { id: 'b', region: 'dublin', running: 9 },
    ]);
    const result = place(task({ region: 'any' }), both, { ...context, avoid });
    expect(result).toMatchObject({
      placement: {
        region: 'dublin',
        rejected: [{ pool: 'tokyo/echo-v1', reason: 'region tokyo is not well' }],
      },
    });
    expect(place(task({ region: 'tokyo' }), both, { ...context, avoid })).toMatchObject({
      placement: { region: 'tokyo' },
    });
    const alone = fleetOf([{ id: 'a', region: 'tokyo' }]);
    expect(place(task({ region: 'any' }), alone, { ...context, avoid })).toMatchObject({ placed: true });
  });

  it('says why no pool can take it', () => {
    const fleet = fleetOf([{ id: 'a', region: 'tokyo' }]);
    const gpu = place(task({ requires: { labels: ['gpu'] } }), fleet, context);
    expect(gpu).toEqual({ placed: false, reason: 'no_eligible_worker: tokyo/echo-v1 lacks label gpu' });
    const elsewhere = place(task({ region: 'oregon' }), fleet, context);
    expect(elsewhere).toMatchObject({ reason: 'no_eligible_worker: tokyo/echo-v1 not in region oregon' });
    const unknown = place(task({ type: 'other', region: 'active' }), fleet, context);
    expect(unknown).toMatchObject({ reason: 'no_eligible_worker: no pool for type other in region tokyo' });
  });

  it('never chooses a pool that lacks what the task requires, and names those it rejected', () => {
    const label = fc.constantFrom('gpu', 'ssd', 'dmz');
    const labels = fc.uniqueArray(label, { maxLength: 3 });
    const wees = fc.array(fc.record({ labels, region: fc.constantFrom('tokyo', 'dublin') }), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(wees, labels, fc.constantFrom('tokyo', 'any', 'active'), (fleet, required, region) => {
        const view = fleetOf(fleet.map((wee, index) => ({ id: `wee-${index}`, ...wee })));
        const result = place(task({ region, requires: { labels: required } }), view, context);
        const fits = fleet.some(
          (wee) =>
            required.every((needed) => wee.labels.includes(needed)) &&
            (region === 'any' || wee.region === 'tokyo'),
        );
        expect(result.placed).toBe(fits);
        if (result.placed) expect(required.every((needed) => result.pool.labels.includes(needed))).toBe(true);
      }),
    );
  });

  it('prefers the pool with the shorter expected wait', () => {
    const fleet = fleetOf([
      { id: 'a', region: 'tokyo', running: 9 },
      { id: 'b', region: 'dublin', running: 0 },
    ]);
    const draws = [0, 0.99];
    const result = place(task(), fleet, { ...context, random: () => draws.shift() ?? 0 });
    expect(result).toMatchObject({ placed: true, placement: { region: 'dublin', score: 0 } });
  });

  it('spreads a burst over equal pools within ten percent, by what it has sent itself', () => {
    const fleet = fleetOf([1, 2, 3, 4].map((n) => ({ id: `wee-${n}`, region: `region-${n}`, slots: 100 })));
    const sent = new Map<string, number>();
    let state = 1;
    const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
    for (let n = 0; n < 4_000; n += 1) {
      const result = place(task(), fleet, { ...context, random, sent: (key) => sent.get(key) ?? 0 });
      if (result.placed) sent.set(result.pool.key, (sent.get(result.pool.key) ?? 0) + 1);
    }
    for (const count of sent.values()) expect(Math.abs(count - 1_000)).toBeLessThan(100);
  });
});
