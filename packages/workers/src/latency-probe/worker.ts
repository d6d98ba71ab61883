import { isDeepStrictEqual } from 'node:util';
import { idSchema, isEndpoint } from '@tenma/protocol';
import { defineWorker } from '@tenma/worker';
import { z } from 'zod';
import { workersConfig } from '../config.ts';
import { startDeadline } from '../deadline.ts';
import { type Measured, measure, type Plan } from './measure.ts';

/** What runs longer is cut off, with what there is: a result of some targets is worth more than none of any. */
const budgetMs = 55_000;
const attemptTimeoutMs = 60_000;
const targetsAtOnce = 16;

const method = z
  .enum(['echo', 'connect'])
  .describe('`echo`: lines to an echo responder and back; `connect`: TCP handshakes, also with a proxy.');

const endpoint = z
  .string()
  .max(300)
  .refine((text) => isEndpoint(text) && !text.includes('/'), 'must be host:port or [address]:port')
  .describe('`host:port`, or `[address]:port` for IPv6.');

const target = z.strictObject({ region_id: idSchema, endpoint, method });

const input = z.strictObject({
  targets: z.array(target).min(1).max(64),
  samples: z.int().min(1).max(20).default(5).describe('Of each target.'),
  spacing_ms: z.int().min(0).max(1_000).default(50).describe('Between the samples of a target.'),
  timeout_ms: z.int().min(10).max(10_000).default(2_000).describe('For one sample; later ones are lost.'),
});
export type LatencyProbeInput = z.infer<typeof input>;
type Target = LatencyProbeInput['targets'][number];

const result = z.object({
  region_id: idSchema,
  endpoint: z.string(),
  method,
  samples_ms: z.array(z.number().min(0)).describe('Round trips as they were taken, to 0.01.'),
  lost: z.int().describe('Samples asked for that are missing; three in a row, and the rest is not tried.'),
  p50_ms: z.number().nullable().describe('Null when every sample is lost.'),
  reason: z
    .string()
    .nullable()
    .describe('Why samples are missing, such as `timeout`, `connection_refused`; null: none is.'),
});
type Result = z.infer<typeof result>;

const output = z.object({
  from: idSchema.describe('The region that was measured from.'),
  results: z.array(result).describe('One for each target, in their order.'),
});
export type LatencyProbeOutput = z.infer<typeof output>;

export interface LatencyProbeContext {
  readonly signal: AbortSignal;
  /** Where it runs. */
  readonly region: string;
  readonly sourceAddress?: string | undefined;
  /** For all targets together; default 55 s. */
  readonly withinMs?: number;
}

/**
 * Measures round trips to several targets, at most 16 of them at a time. A target that cannot be reached is a result
 * with its reason; rejects only when the attempt is aborted.
 */
export async function latencyProbe(
  { targets, samples, spacing_ms, timeout_ms }: LatencyProbeInput,
  { signal, region, sourceAddress, withinMs = budgetMs }: LatencyProbeContext,
): Promise<LatencyProbeOutput> {
  using budget = startDeadline(signal, withinMs);
  const results: Result[] = [];
  const queue = targets.entries();
  const lane = async () => {
    for (const [at, next] of queue) {
      const plan: Plan = {
        ...addressOf(next.endpoint),
        method: next.method,
        samples,
        spacingMs: spacing_ms,
        timeoutMs: timeout_ms,
        sourceAddress,
      };
      results[at] = resultOf(next, samples, await measure(plan, budget, signal));
    }
  };
  await Promise.all(Array.from({ length: Math.min(targetsAtOnce, targets.length) }, lane));
  return { from: region, results };
}

function addressOf(text: string): { host: string; port: number } {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(text.slice(colon + 1)) };
}

function resultOf(asked: Target, samples: number, { samplesMs, reason }: Measured): Result {
  return {
    ...asked,
    samples_ms: samplesMs.map(hundredths),
    lost: samples - samplesMs.length,
    p50_ms: samplesMs.length === 0 ? null : hundredths(median(samplesMs)),
    reason,
  };
}

function hundredths(ms: number): number {
  return Math.max(0, Math.round(ms * 100) / 100);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/** Round trips differ each time they are measured; which targets answer should not. */
function sameReach(before: LatencyProbeOutput, after: LatencyProbeOutput): boolean {
  const reach = ({ results }: LatencyProbeOutput) =>
    results.map(({ region_id, endpoint, p50_ms }) => ({ region_id, endpoint, reached: p50_ms !== null }));
  return isDeepStrictEqual(reach(before), reach(after));
}

export const latencyProbeWorker = defineWorker({
  type: 'latency-probe',
  version: '1.0.0',
  description:
    'Measures the round trips from where it runs to several targets, by echoed lines or TCP handshakes.',
  input,
  output,
  timeout_ms: attemptTimeoutMs,
  // What was measured later is another measurement: whoever wants one asks again.
  retry: { max_attempts: 1 },
  shadow: sameReach,
  example: {
    targets: [{ region_id: 'us-east-1', endpoint: 'localhost:8080', method: 'connect' }],
    samples: 3,
  },
  run: ({ input: probe, signal, task }) =>
    latencyProbe(probe, {
      signal,
      region: task.region,
      sourceAddress: workersConfig().latencySourceAddress,
    }),
});
