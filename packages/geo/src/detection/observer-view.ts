import { freshForMs, type Pace } from './pace.ts';

/** What one observer makes of one node. */
export interface ObserverView {
  /** `abstains`: it saw enough failures, but nothing up since they began, and so suspects itself. */
  readonly sees: 'up' | 'down' | 'nothing' | 'abstains';
  /** In a row, as the last answers. */
  readonly failures: number;
  readonly successes: number;
  /** Of the first of `failures`. */
  readonly failingSince: number;
  /** Of its last answer, Unix ms. */
  readonly at: number | null;
  /** From then on its silence counts: the next answer is overdue, and it sees nothing. */
  readonly freshUntil: number;
  /** From then on it is a stranger again, and what it saw in a row is so no longer. */
  readonly knownUntil: number;
  readonly reason: string | null;
}

export const blank: ObserverView = {
  sees: 'nothing',
  failures: 0,
  successes: 0,
  failingSince: 0,
  at: null,
  freshUntil: 0,
  knownUntil: 0,
  reason: null,
};

/** A probe that brought an answer. */
export interface Answer {
  readonly outcome: 'up' | 'down';
  readonly at: number;
  readonly reason: string | null;
}

interface Circumstances {
  readonly pace: Pace;
  /** For how long this answer is fresh. */
  readonly freshMs: number;
  /** Whether the observer has shown that it can see, given since when it has had failures of this node. */
  readonly canSee: (failingSince: number) => boolean;
}

/** The view after an answer. One that is no later than the last changes nothing: a message can come twice. */
export function afterAnswer(view: ObserverView, answer: Answer, around: Circumstances): ObserverView {
  const { at } = answer;
  if (view.at !== null && at <= view.at) return view;
  const { pace, freshMs } = around;
  const before = at < view.knownUntil ? view : blank;
  const next = answer.outcome === 'up' ? afterSuccess(before, pace) : afterFailure(before, at, around);
  const heard = { ...next, at, reason: answer.reason, freshUntil: at + freshMs, knownUntil: at + freshMs };
  // Where another look is due, silence is telling much sooner than at the next slot.
  if (!wantsAnotherLook(heard, pace)) return heard;
  return { ...heard, freshUntil: at + Math.min(freshMs, freshForMs(pace, pace.reprobeMs)) };
}

type Change = Pick<ObserverView, 'sees' | 'failures' | 'successes' | 'failingSince'>;

function afterSuccess(before: ObserverView, pace: Pace): Change {
  const successes = before.successes + 1;
  const stillDown = before.sees === 'down' && successes < pace.successes;
  return { sees: stillDown ? 'down' : 'up', failures: 0, successes, failingSince: 0 };
}

function afterFailure(before: ObserverView, at: number, { pace, canSee }: Circumstances): Change {
  const failures = before.failures + 1;
  const failingSince = failures === 1 ? at : before.failingSince;
  if (failures < pace.failures) return { sees: before.sees, failures, successes: 0, failingSince };
  return { sees: canSee(failingSince) ? 'down' : 'abstains', failures, successes: 0, failingSince };
}

export function isFresh(view: ObserverView, now: number): boolean {
  return now < view.freshUntil;
}

/**
 * Whether the next answer is worth having before the next slot: the observer is about to change its mind, or has just
 * begun to suspect itself. One that is cut off gives up after twice the failures, so that it does not probe everything
 * at that pace until it is mended.
 */
export function wantsAnotherLook(view: ObserverView, pace: Pace): boolean {
  if (view.sees === 'down') return view.successes > 0;
  const patience = view.sees === 'abstains' ? 2 * pace.failures : pace.failures;
  return view.failures > 0 && view.failures < patience;
}

/** The view when the interval of its probes changes: what was fresh stays so until the next answer can be there. */
export function atNewInterval(view: ObserverView, now: number, was: number, freshMs: number): ObserverView {
  if (!isFresh(view, now)) return view;
  const next = now + freshMs;
  const until = (moment: number) => (freshMs < was ? Math.min(moment, next) : next);
  return { ...view, freshUntil: until(view.freshUntil), knownUntil: until(view.knownUntil) };
}
