import { splayOf } from '@tenma/runtime';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cronFault, isTimezone, slotAfterOf } from './schedule-slots.ts';

type When = Parameters<typeof slotAfterOf>[0];

const schedule = (more: Partial<When> = {}): When => ({
  schedule_id: 'nightly',
  timezone: 'UTC',
  splay_ms: 0,
  paused: false,
  ...more,
});
const ms = (text: string) => Date.parse(text);
const next = (when: When, after: string) => {
  const slot = slotAfterOf(when, ms(after));
  return slot === null ? null : new Date(slot).toISOString();
};

describe('the slots of a schedule', () => {
  it('are the multiples of its interval since 1970', () => {
    const hourly = schedule({ every_ms: 3_600_000 });
    expect(next(hourly, '2026-02-20T10:30:00Z')).toBe('2026-02-20T11:00:00.000Z');
    expect(next(hourly, '2026-02-20T11:00:00Z')).toBe('2026-02-20T12:00:00.000Z');
  });

  it.each([
    ['*/15 * * * *', 'UTC', '2026-02-20T10:30:00Z', '2026-02-20T10:45:00.000Z'],
    ['*/15 * * * *', 'UTC', '2026-02-20T10:44:59.999Z', '2026-02-20T10:45:00.000Z'],
    ['*/20 * * * * *', 'UTC', '2026-02-20T10:30:01Z', '2026-02-20T10:30:20.000Z'],
    ['0 9 * * 1-5', 'Asia/Tokyo', '2026-02-20T10:30:00Z', '2026-02-23T00:00:00.000Z'],
    ['0 0 29 2 *', 'UTC', '2026-02-20T10:30:00Z', '2028-02-29T00:00:00.000Z'],
    // The night in which Berlin has no 02:30: at the first moment after the gap.
    ['30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', '2026-03-29T01:00:00.000Z'],
    // The night in which Berlin has 02:30 twice: once.
    ['30 2 * * *', 'Europe/Berlin', '2026-10-25T00:30:00Z', '2026-10-26T01:30:00.000Z'],
  ])('of %s in %s after %s start at %s', (cron, timezone, after, expected) => {
    expect(next(schedule({ cron, timezone }), after)).toBe(expected);
  });

  it('are none while it is paused, and none if they never come', () => {
    expect(slotAfterOf(schedule({ every_ms: 1_000, paused: true }), 0)).toBeNull();
    expect(slotAfterOf(schedule({ cron: '0 0 30 2 *' }), 0)).toBeNull();
  });

  const kind = fc.constantFrom({ every_ms: 60_000 }, { cron: '* * * * *' }, { cron: '*/7 3-20 * * *' });
  const when = fc.record({
    id: fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/),
    splay: fc.integer({ min: 0, max: 3_600_000 }),
    kind,
  });
  const moment = fc.integer({ min: ms('2020-01-01T00:00:00Z'), max: ms('2040-01-01T00:00:00Z') });

  it('come later than the moment, are the same from wherever one asks, and none is left out', () => {
    fc.assert(
      fc.property(
        when,
        moment,
        fc.double({ min: 0, max: 1, noNaN: true }),
        ({ id, splay, kind }, after, part) => {
          const one = schedule({ schedule_id: id, splay_ms: splay, ...kind });
          const slot = slotAfterOf(one, after) ?? Number.NaN;
          expect(slot).toBeGreaterThan(after);
          const between = Math.floor(after + (slot - 1 - after) * part);
          expect(slotAfterOf(one, between)).toBe(slot);
          expect(slotAfterOf(one, slot)).toBeGreaterThan(slot);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('are put off by the splay: by a time below it that belongs to the id', () => {
    fc.assert(
      fc.property(when, moment, ({ id, splay, kind }, after) => {
        const plain = schedule({ schedule_id: id, ...kind });
        const offset = splayOf(id, splay);
        expect(offset).toBeLessThanOrEqual(Math.max(0, splay - 1));
        const slot = slotAfterOf(plain, after) ?? Number.NaN;
        expect(slotAfterOf({ ...plain, splay_ms: splay }, after + offset)).toBe(slot + offset);
      }),
      { numRuns: 100 },
    );
  });
});

describe('a cron expression', () => {
  it.each(['* * * * *', '*/5 * * * * *', '0 9 * * MON-FRI', ' 0 0 1 1 * '])('%s is right', (cron) => {
    expect(cronFault(cron, 'UTC', 0)).toBeNull();
  });

  it.each([
    ['', /five or six fields/],
    ['@daily', /five or six fields/],
    ['* * * *', /five or six fields/],
    ['* * * * * * 2027', /five or six fields/],
    ['2026-03-01T00:00:00', /five or six fields/],
    ['61 * * * *', /minute/],
    ['* * * * nonsense', /\w/],
    ['0 0 30 2 *', /never/],
  ])('%s is not, and says why', (cron, why) => {
    expect(cronFault(cron, 'UTC', 0)).toMatch(why);
  });
});

describe('a timezone', () => {
  it.each([
    ['UTC', true],
    ['Asia/Tokyo', true],
    ['Mars/Base', false],
    ['', false],
  ])('%s: %s', (name, exists) => {
    expect(isTimezone(name)).toBe(exists);
  });
});
