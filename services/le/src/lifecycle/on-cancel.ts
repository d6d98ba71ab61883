import { defaults, isTerminal } from '@tenma/protocol';
import type { TaskControl } from '@tenma/store';
import { cancelled, next, type Step } from './step.ts';

/** How long a WEE has to report that it has aborted an attempt, before LE takes it as done. */
const reportMs = 10_000;

/** Somebody wants the task to end. Not started: it ends now. Running: its WEE is told. Null when it has ended. */
export function onCancel({ life }: TaskControl, now: number): Step | null {
  if (isTerminal(life.state)) return null;
  if (life.state !== 'running') return { life: cancelled(life, now) };
  const clockAt = Math.min(life.clockAt ?? Infinity, now + defaults.abortGraceMs + reportMs);
  return { life: next(life, { cancelRequested: true, reason: 'cancel requested', clockAt }) };
}
