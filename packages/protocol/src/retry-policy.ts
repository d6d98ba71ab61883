import { z } from 'zod';

/** Exponential backoff with full jitter: the n-th wait is uniform in [0, min(cap, initial × factor^(n-1))]. */
export const retryPolicySchema = z
  .strictObject({
    max_attempts: z.int().min(1).max(100),
    initial_ms: z.int().min(0).max(3_600_000),
    factor: z.number().min(1).max(10),
    cap_ms: z.int().min(0).max(3_600_000),
  })
  .meta({ id: 'RetryPolicy' });
export type RetryPolicy = z.infer<typeof retryPolicySchema>;
