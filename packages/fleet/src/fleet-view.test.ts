import type { Presence } from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import { emptyFleet, withFreshSight, withoutSilent, withPresence } from './fleet-view.ts';

const presence = (changes: Partial<Presence> = {}): Presence => ({
  wee_id: 'wee-1',
  boot_id: 'boot-1',
  region: 'tokyo',
  status: 'online',
  labels: [],
  version: '1.0.0',
  since: '2026-01-01T00:00:00.000Z',
  pools: [{ pool: 'echo-v1', type: 'echo', labels: [], queue: 'q', slots: 4, running: 1, held: 2 }],
  types: [],
  echo: null,
  ...changes,
});
const goodbye = (boot_id: string) => ({
  wee_id: 'wee-1',
  boot_id,
  region: 'tokyo',
  status: 'offline' as const,
});

describe('the fleet view', () => {
  it('adds up the WEEs that serve a pool', () => {
    const fleet = withPresence(withPresence(emptyFleet, presence(), 0), presence({ wee_id: 'wee-2' }), 0);
    expect(fleet.pools.get('tokyo/echo-v1')).toMatchObject({
      slots: 8,
      running: 2,
      held: 4,
      wees: ['wee-1', 'wee-2'],
    });
  });

  it('drops a WEE at the goodbye of its boot, and ignores that of an earlier one', () => {
    const fleet = withPresence(emptyFleet, presence({ boot_id: 'boot-2' }), 0);
    expect(withPresence(fleet, goodbye('boot-1'), 1)).toBe(fleet);
    expect(withPresence(fleet, goodbye('boot-2'), 1).pools.size).toBe(0);
  });

  it('offers no pool of a WEE that drains', () => {
    expect(withPresence(emptyFleet, presence({ status: 'draining' }), 0).pools.size).toBe(0);
  });

  it('forgets the silent, but counts silence anew after it was cut off itself', () => {
    const fleet = withPresence(emptyFleet, presence(), 0);
    expect(withoutSilent(fleet, 15_000, 15_000)).toBe(fleet);
    expect(withoutSilent(fleet, 15_001, 15_000).wees.size).toBe(0);
    expect(withoutSilent(withFreshSight(fleet, 20_000), 30_000, 15_000).wees.size).toBe(1);
  });
});
