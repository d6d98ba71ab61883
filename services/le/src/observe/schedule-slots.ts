import { slotAfter, splayOf } from '@tenma/runtime';
import { Cron } from 'croner';
import type { ScheduleRecord } from '../documents/kinds.ts';

/** When a schedule is due: what {@link slotAfterOf} needs of it. */
type When = Pick<ScheduleRecord, 'schedule_id' | 'every_ms' | 'cron' | 'timezone' | 'splay_ms' | 'paused'>;

/**
 * The first slot of a schedule that starts after a moment; both in Unix ms. Null: none, since it is paused or its cron
 * expression never comes true again. Depends on nothing else, so every replica finds the same slots after every start.
 */
export function slotAfterOf(schedule: When, after: number): number | null {
  const { schedule_id: id, every_ms: everyMs, cron, timezone, splay_ms: splayMs, paused } = schedule;
  if (paused) return null;
  const offsetMs = splayOf(id, splayMs);
  if (everyMs !== undefined) return slotAfter(after, everyMs, offsetMs);
  if (cron === undefined) return null;
  const next = cronOf(cron, timezone).nextRun(new Date(after - offsetMs));
  return next ? next.getTime() + offsetMs : null;
}

/** What is wrong with a cron expression in a timezone that exists; null when it is right. */
export function cronFault(cron: string, timezone: string, now: number): string | null {
  // The library also takes nicknames and single dates: neither stands in the contract.
  if (![5, 6].includes(cron.trim().split(/\s+/).length)) return 'must have five or six fields';
  try {
    return cronOf(cron, timezone).nextRun(new Date(now)) ? null : 'never comes true';
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^Cron\w+: /, '') : 'is no cron expression';
  }
}

export function isTimezone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).format(0) !== '';
  } catch {
    return false;
  }
}

/** Only asked for its slots, never started: it owns no timer. */
function cronOf(cron: string, timezone: string): Cron {
  return new Cron(cron.trim(), { timezone, mode: '5-or-6-parts', paused: true });
}
