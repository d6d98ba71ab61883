import type { RegionStatus } from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import type { Candidate, FailoverSituation, FailoverWish } from './failover.ts';
import { judgeFailover } from './judge-failover.ts';

const region = (regionId: string, priority: number, more: Partial<Candidate> = {}): Candidate => ({
  regionId,
  priority,
  location: { lat: 0, lon: 0 },
  status: 'online',
  quarantined: false,
  workers: true,
  nodes: true,
  ...more,
});
const distances: Record<string, number> = { osaka: 9, seoul: 33, oregon: 97, unmeasured: Number.NaN };
const lost = region('tokyo', 1, { status: 'offline' });
const now = 1_000_000;

function judge(
  wish: Partial<FailoverWish>,
  others: readonly Candidate[],
  more: Partial<FailoverSituation> = {},
) {
  return judgeFailover(
    { from: 'tokyo', prefer: 'priority', automatic: true, ...wish },
    {
      regions: [lost, ...others],
      active: { regionId: 'tokyo', epoch: 7 },
      lastFailoverAt: null,
      cooldownMs: 300_000,
      now,
      roundTripMs: (to) => distances[to] ?? 50,
      ...more,
    },
  );
}
const all = [region('oregon', 2), region('seoul', 3), region('osaka', 4)];

describe('the target of a failover', () => {
  it.each([
    ['priority', 'oregon'],
    ['nearest', 'osaka'],
  ] as const)('is chosen by %s: %s', (prefer, to) => {
    expect(judge({ prefer }, all)).toMatchObject({ allowed: true, to });
  });

  it('is chosen by the other measure among equals, then by id', () => {
    const equals = [region('seoul', 5), region('osaka', 5), region('oregon', 9)];
    expect(judge({ prefer: 'priority' }, equals)).toMatchObject({ to: 'osaka' });
    const twins = [region('b', 4), region('c', 3), region('a', 4)];
    expect(judge({ prefer: 'nearest' }, twins)).toMatchObject({ to: 'c' });
    expect(judge({ prefer: 'nearest' }, [twins[0]!, twins[2]!])).toMatchObject({ to: 'a' });
  });

  it('is none of unknown distance while there are others', () => {
    const some = [region('unmeasured', 2), region('oregon', 3)];
    expect(judge({ prefer: 'nearest' }, some)).toMatchObject({ to: 'oregon' });
    expect(judge({ prefer: 'nearest' }, some.slice(0, 1))).toMatchObject({ to: 'unmeasured' });
  });

  it('comes with the reason why each other region was passed over', () => {
    const judged = judge({}, [
      region('osaka', 2, { status: 'maintenance' }),
      region('seoul', 3, { quarantined: true }),
      region('oregon', 4),
      region('mumbai', 5),
      region('sydney', 6, { status: 'degraded' }),
      region('london', 7, { status: 'unknown' }),
    ]);
    expect(judged).toMatchObject({ allowed: true, to: 'oregon' });
    expect(judged.passedOver).toEqual([
      { regionId: 'osaka', reason: 'it is in maintenance' },
      { regionId: 'seoul', reason: 'it is in quarantine: it goes down again and again' },
      { regionId: 'mumbai', reason: 'oregon is preferred: this one is online, of priority 5, 50.0 ms away' },
      { regionId: 'sydney', reason: 'it is degraded' },
      { regionId: 'london', reason: 'nobody can tell how it is' },
    ]);
  });

  it('by hand may be one in doubt, if no other is better or it is named', () => {
    const doubtful = [region('osaka', 2, { status: 'degraded' }), region('seoul', 3, { quarantined: true })];
    const hand = { automatic: false };
    expect(judge(hand, [...doubtful, region('oregon', 9)])).toMatchObject({ to: 'oregon' });
    expect(judge(hand, doubtful)).toMatchObject({ to: 'osaka' });
    expect(judge({ ...hand, to: 'seoul' }, doubtful)).toMatchObject({
      allowed: true,
      to: 'seoul',
      passedOver: [],
    });
    expect(judge({ to: 'seoul' }, doubtful)).toMatchObject({ allowed: false, code: 'failover_refused' });
  });
});

describe('a failover is refused', () => {
  it.each([
    ['from a region that is not there', { from: 'atlantis' }, 'there is no region atlantis to leave'],
    ['from one that is not active', { from: 'seoul' }, 'seoul is not the active region; tokyo is'],
    ['to itself', { to: 'tokyo' }, 'tokyo is the region that is to be left'],
  ])('%s, by hand too', (_, wish, reason) => {
    for (const automatic of [true, false]) {
      const judged = judge({ ...wish, automatic }, all);
      expect(judged).toMatchObject({ allowed: false, code: 'failover_refused', retryAfterMs: null, reason });
    }
  });

  it('to a region that is not there, which is an error of its own', () => {
    expect(judge({ to: 'atlantis' }, all)).toMatchObject({
      code: 'unknown_region',
      reason: 'there is no region atlantis; there are tokyo, oregon, seoul, osaka',
    });
  });

  it.each(['offline', 'maintenance', 'unknown'] as const)('to a region that is %s, by hand too', (status) => {
    for (const automatic of [true, false])
      for (const to of ['seoul', undefined])
        expect(judge({ to, automatic }, [region('seoul', 2, { status })])).toMatchObject({
          allowed: false,
          code: 'failover_refused',
        });
  });

  it.each(['online', 'degraded', 'unknown', 'maintenance'] as const)(
    'when a policy wants to leave a region that is %s, and not when an operator does',
    (status: RegionStatus) => {
      const regions = [{ ...lost, status }, ...all];
      expect(judge({}, [], { regions })).toMatchObject({ allowed: false, code: 'failover_refused' });
      expect(judge({ automatic: false }, [], { regions })).toMatchObject({ allowed: true });
    },
  );

  it('when a policy would have more than one region down, and not when an operator decides', () => {
    const half = [region('osaka', 2), region('seoul', 3, { status: 'offline' })];
    const judged = judge({}, half);
    expect(judged).toMatchObject({ allowed: false, code: 'failover_refused' });
    expect(judged).toMatchObject({ reason: expect.stringContaining('seoul is offline as well') as string });
    expect(judge({ automatic: false }, half)).toMatchObject({ allowed: true, to: 'osaka' });
  });

  it('when everything looks down', () => {
    const none = all.map((one) => ({ ...one, status: 'unknown' as const }));
    for (const automatic of [true, false]) {
      const judged = judge({ automatic }, none);
      expect(judged).toMatchObject({ allowed: false, reason: 'no other region can take over' });
      expect(judged.passedOver).toHaveLength(3);
    }
    expect(judge({ automatic: false }, [])).toMatchObject({ allowed: false, passedOver: [] });
  });

  it('during the cool-down, by hand too, with the time that is left', () => {
    for (const automatic of [true, false]) {
      const cooling = { lastFailoverAt: now - 100_000 };
      expect(judge({ automatic }, all, cooling)).toMatchObject({
        allowed: false,
        code: 'failover_cooldown',
        retryAfterMs: 200_000,
      });
      expect(judge({ automatic }, all, { lastFailoverAt: now - 300_000 })).toMatchObject({ allowed: true });
    }
  });

  it('and not until the time that a wrong clock has written for the last one', () => {
    expect(judge({}, all, { lastFailoverAt: now + 86_400_000 })).toMatchObject({ allowed: true });
    expect(judge({}, all, { lastFailoverAt: now + 1_000 })).toMatchObject({
      code: 'failover_cooldown',
      retryAfterMs: 299_000,
    });
  });
});

describe('a region in which nothing is', () => {
  it('is no target of a policy, and the last choice of an operator', () => {
    const empty = region('osaka', 2, { workers: false, nodes: false });
    const watched = region('seoul', 3, { workers: false });
    const full = region('dublin', 4);
    expect(judge({}, [empty])).toMatchObject({ allowed: false, code: 'failover_refused' });
    expect(judge({}, [empty, watched])).toMatchObject({ allowed: true, to: 'seoul' });
    expect(judge({}, [empty, watched, full])).toMatchObject({ allowed: true, to: 'dublin' });
    expect(judge({ automatic: false }, [empty])).toMatchObject({ allowed: true, to: 'osaka' });
  });
});
