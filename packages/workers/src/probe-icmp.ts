import { defineWorker, WorkerError } from '@tenma/worker';
import { z } from 'zod';
import { startDeadline } from './deadline.ts';
import { type PingSummary, readPingComplaint, readPingOutput } from './icmp/ping-output.ts';
import { runPing } from './icmp/run-ping.ts';
import { attemptTimeoutMs, hostSchema, timeoutSchema } from './target.ts';
import { milliseconds } from './timings.ts';
import { down, sameVerdict, up, type Verdict, verdictShape } from './verdict.ts';

const input = z.strictObject({
  host: hostSchema,
  count: z.int().min(1).max(50).default(3).describe('Echo requests, 200 ms apart.'),
  timeout_ms: timeoutSchema,
});
export type ProbeIcmpInput = z.infer<typeof input>;

const roundTrip = z.number().min(0).nullable();

const output = z.object({
  ...verdictShape,
  sent: z.int(),
  received: z.int(),
  loss: z.number().min(0).max(1).nullable().describe('Lost of sent; null when none was sent.'),
  rtt: z.object({ min_ms: roundTrip, avg_ms: roundTrip, max_ms: roundTrip }).describe('Round trips.'),
  timings: z.object({ total_ms: z.number().min(0) }),
});
export type ProbeIcmpOutput = z.infer<typeof output>;

/**
 * Pings a host with the system's `ping`, as ICMP needs a privilege that it has; up when a reply came. `command` names
 * another program in tests.
 * @throws WorkerError `ping_missing` or `ping_not_permitted`: this machine cannot ping, which says nothing of the host.
 */
export async function probeIcmp(
  { host, count, timeout_ms }: ProbeIcmpInput,
  { signal, command }: { signal: AbortSignal; command?: string },
): Promise<ProbeIcmpOutput> {
  using deadline = startDeadline(signal, timeout_ms);
  const startedAt = performance.now();
  const { stdout, stderr } = await runPing(host, count, deadline.signal, command);
  signal.throwIfAborted();
  const summary = readPingOutput(stdout) ?? { sent: 0, received: 0, rtt: null };
  return {
    ...judge(summary, stderr, deadline.expired(), timeout_ms),
    sent: summary.sent,
    received: summary.received,
    loss: summary.sent === 0 ? null : (summary.sent - summary.received) / summary.sent,
    rtt: summary.rtt ?? { min_ms: null, avg_ms: null, max_ms: null },
    timings: { total_ms: milliseconds(performance.now() - startedAt) },
  };
}

function judge(
  { sent, received }: PingSummary,
  stderr: string,
  expired: boolean,
  timeoutMs: number,
): Verdict {
  if (received > 0) return up(`${received} of ${sent} replies`);
  if (sent > 0) return down('no_reply', `no reply to ${sent} echo requests`);
  if (expired) return down('timeout', `nothing was sent within ${timeoutMs} ms`);
  const reason = readPingComplaint(stderr);
  if (reason === 'not_permitted') {
    throw new WorkerError(`this process may not ping: ${stderr.trim()}`, { code: 'ping_not_permitted' });
  }
  return down(reason, stderr.trim() || 'ping said nothing');
}

export const probeIcmpWorker = defineWorker({
  type: 'probe-icmp',
  version: '1.0.0',
  description: "Pings a host with the system's ping and gives loss and round trips.",
  input,
  output,
  timeout_ms: attemptTimeoutMs,
  shadow: sameVerdict,
  example: { host: '127.0.0.1' },
  run: ({ input: probe, signal }) => probeIcmp(probe, { signal }),
});
