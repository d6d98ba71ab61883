export interface BackoffPolicy {
  initialMs: number;
  factor: number;
  capMs: number;
}

/**
 * Exponential backoff with full jitter (AWS Architecture Blog, "Exponential Backoff and Jitter"): the wait before
 * the n-th retry is uniform in [0, min(cap, initial × factor^(n-1))].
 * @param retry counts from 1
 * @param random uniform in [0, 1)
 */
export function fullJitterMs(policy: BackoffPolicy, retry: number, random: () => number): number {
  const ceiling = Math.min(policy.capMs, policy.initialMs * policy.factor ** (retry - 1));
  return Math.round(random() * ceiling);
}

/** How a client returns to a server that went away: 100 ms doubling to 2 s, jittered. */
export const reconnectBackoff: BackoffPolicy = { initialMs: 100, factor: 2, capMs: 2_000 };
