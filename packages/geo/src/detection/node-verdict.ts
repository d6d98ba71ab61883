/** What is seen of a node; what is said of it may differ, see flap-damping.ts and maintenance. */
export type Seen = 'online' | 'offline' | 'unknown';

export interface NodeBallot {
  /** Observers with a fresh answer that do not abstain, by what they see. */
  readonly up: number;
  readonly down: number;
  /** How many look at it at all. */
  readonly observers: number;
  readonly was: Seen;
  /** While nothing is known of it and there is still time for more of its observers to be heard. */
  readonly waiting: boolean;
  /** While what was written down of it counts as fresh. */
  readonly restored: boolean;
}

/**
 * A strict majority of those who can tell. Nobody can: unknown. A tie: as it was. A first verdict waits until a majority
 * of all observers has been heard, but not longer than an answer stays fresh.
 */
export function nodeVerdictOf({ up, down, observers, was, waiting, restored }: NodeBallot): Seen {
  const votes = up + down;
  if (votes === 0) return restored ? was : 'unknown';
  if (was === 'unknown' && waiting && votes * 2 <= observers) return 'unknown';
  if (up * 2 > votes) return 'online';
  return down * 2 > votes ? 'offline' : was;
}
