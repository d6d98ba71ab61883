import type { Attempt } from './attempt.ts';

/** What becomes of the attempts that were in a process which has died. */
export interface Blame {
  /** They end with it: whoever caused it, and whoever was being cancelled anyway. */
  readonly ended: readonly Attempt[];
  /** Another one caused it: they run again at no cost. */
  readonly collateral: readonly Attempt[];
  /** Anyone of them may have caused it: they run again, each alone. */
  readonly suspects: readonly Attempt[];
}

/** What an attempt has left behind in a process, such as a timer, is thought to kill it within this time. */
const leftoverMs = 1_000;

/**
 * Who pays for a dead process: the attempt it was killed for; else the only one inside, unless another had just ended
 * there and may have left something behind; else nobody yet.
 * @param sinceEndMs since another attempt has ended there; null when none has
 */
export function blameFor(inside: readonly Attempt[], sinceEndMs: number | null): Blame {
  const leftover = sinceEndMs !== null && sinceEndMs < leftoverMs;
  const only = inside.length === 1 && !leftover ? inside[0] : undefined;
  const culprit = inside.find((attempt) => attempt.culprit) ?? only;
  const ends = (attempt: Attempt) => attempt === culprit || attempt.aborted?.reason === 'cancelled';
  const others = inside.filter((attempt) => !ends(attempt));
  return {
    ended: inside.filter(ends),
    collateral: culprit ? others : [],
    suspects: culprit ? [] : others,
  };
}
