import type { TaskLimit } from '@tenma/protocol';
import type { TaskControl } from '@tenma/store';
import { startBy } from '../lifecycle/index.ts';

/** A span of time as people say it: to two digits, in the unit that fits. */
export function span(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  if (whole < 1_000) return `${whole} ms`;
  if (whole < 60_000) return `${digits(whole / 1_000)} s`;
  if (whole < 3_600_000) return `${digits(whole / 60_000)} min`;
  return `${digits(whole / 3_600_000)} h`;
}

function digits(value: number): string {
  return String(value < 10 ? Math.round(value * 10) / 10 : Math.round(value));
}

/** `in 3 s`, or `now` where the moment has passed. */
export function until(at: number, now: number): string {
  return at <= now ? 'now' : `in ${span(at - now)}`;
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

export function limitInWords({ key, per_s: perSecond, concurrent }: TaskLimit): string {
  const parts = [
    ...(perSecond === undefined ? [] : [`${perSecond} starts a second`]),
    ...(concurrent === undefined ? [] : [`${concurrent} at once`]),
  ];
  return `limit ${key} (${parts.join(', ')})`;
}

export function expiryLine(task: TaskControl, now: number): string {
  return `It expires ${until(startBy(task), now)} if it has not started by then.`;
}
