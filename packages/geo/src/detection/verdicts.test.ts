import { describe, expect, it } from 'vitest';
import { damped, type Flaps, flapWindowMs, noFlaps, releaseAt, steadyMs } from './flap-damping.ts';
import { nodeVerdictOf, type Seen } from './node-verdict.ts';
import { regionReason, regionVerdictOf } from './region-verdict.ts';

describe('the verdict on a node', () => {
  const verdict = (up: number, down: number, was: Seen, more = {}) =>
    nodeVerdictOf({ up, down, observers: 3, was, waiting: false, restored: false, ...more });

  it.each([
    [3, 0, 'offline', 'online'],
    [2, 1, 'offline', 'online'],
    [1, 2, 'online', 'offline'],
    [1, 1, 'online', 'online'],
    [1, 1, 'offline', 'offline'],
    [1, 1, 'unknown', 'unknown'],
    [1, 0, 'offline', 'online'],
    [0, 1, 'online', 'offline'],
    [0, 0, 'online', 'unknown'],
    [2, 2, 'online', 'online'],
  ] as const)('of %i who see it up and %i down, that was %s: %s', (up, down, was, expected) => {
    expect(verdict(up, down, was)).toBe(expected);
  });

  it('waits for a majority of all observers when it is the first', () => {
    expect(verdict(1, 0, 'unknown', { waiting: true })).toBe('unknown');
    expect(verdict(2, 0, 'unknown', { waiting: true })).toBe('online');
    expect(verdict(1, 0, 'unknown')).toBe('online');
    expect(verdict(0, 1, 'online', { waiting: true })).toBe('offline');
  });

  it('stands as it was written down while nobody has been heard', () => {
    expect(verdict(0, 0, 'offline', { restored: true })).toBe('offline');
    expect(verdict(1, 0, 'offline', { restored: true })).toBe('online');
  });
});

describe('the verdict on a region', () => {
  it.each([
    [0, 0, 0, 0, 'online', null],
    [3, 0, 0, 0, 'online', null],
    [3, 1, 0, 0, 'degraded', '1 of 3 nodes offline'],
    [3, 2, 0, 0, 'offline', '2 of 3 nodes offline'],
    [2, 1, 1, 0, 'degraded', '1 of 2 nodes offline, 1 of 2 nodes unknown'],
    [2, 2, 0, 0, 'offline', '2 of 2 nodes offline'],
    [2, 0, 1, 0, 'online', '1 of 2 nodes unknown'],
    [2, 0, 2, 0, 'unknown', '2 of 2 nodes unknown'],
    [2, 0, 2, 2, 'unknown', '2 of 2 nodes in quarantine, 2 of 2 nodes unknown'],
    [2, 0, 0, 2, 'degraded', '2 of 2 nodes in quarantine'],
    [3, 1, 0, 2, 'degraded', '1 of 3 nodes offline, 2 of 3 nodes in quarantine'],
  ] as const)('of %i nodes, %i offline, %i unknown, %i held in quarantine: %s', (...row) => {
    const [nodes, offline, unknown, held, expected, reason] = row;
    const tally = { maintenance: false, nodes, offline, unknown, held };
    expect(regionVerdictOf(tally)).toBe(expected);
    expect(regionReason(expected, tally)).toBe(reason);
    expect(regionVerdictOf({ ...tally, maintenance: true })).toBe('maintenance');
  });
});

describe('what flaps', () => {
  const down = (flaps: Flaps, at: number) => damped(flaps, { wentDown: true, isUp: false }, at);
  const up = (flaps: Flaps, at: number) => damped(flaps, { wentDown: false, isUp: true }, at);
  const minute = 60_000;

  it('is in quarantine at the third time down within 15 minutes', () => {
    const twice = down(down(noFlaps, 0), 5 * minute);
    expect(twice.quarantined).toBe(false);
    expect(down(twice, flapWindowMs).quarantined).toBe(true);
    expect(down(twice, flapWindowMs + 1).quarantined).toBe(false);
    expect(down(down(twice, flapWindowMs + 1), 20 * minute).quarantined).toBe(true);
  });

  it('is let go after five minutes up without a break', () => {
    const held = up(down(down(down(noFlaps, 0), 1), 2), 10);
    expect(releaseAt(held)).toBe(10 + steadyMs);
    expect(up(held, 10 + steadyMs - 1).quarantined).toBe(true);
    expect(up(held, 10 + steadyMs).quarantined).toBe(false);
    // A break, if only of silence, starts them anew.
    const broken = up(damped(held, { wentDown: false, isUp: false }, 1_000), 2_000);
    expect(releaseAt(broken)).toBe(2_000 + steadyMs);
    expect(releaseAt(damped(held, { wentDown: false, isUp: false }, 1_000))).toBe(Number.POSITIVE_INFINITY);
  });

  it('is the same object while nothing changes', () => {
    const held = up(noFlaps, 10);
    expect(up(held, 20)).toBe(held);
  });
});
