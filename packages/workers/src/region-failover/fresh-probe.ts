import { type AnyWorker, runWorker, type TaskInfo } from '@tenma/worker';
import { probeDnsWorker } from '../probe-dns.ts';
import { probeHttpWorker } from '../probe-http.ts';
import { probeIcmpWorker } from '../probe-icmp.ts';
import { probeTcpWorker } from '../probe-tcp.ts';
import { probeTlsWorker } from '../probe-tls.ts';
import { timeoutSchema } from '../target.ts';
import type { Verdict } from '../verdict.ts';

/** The probes that can be run inside another task: all have `timeout_ms` and answer a {@link Verdict}. */
const probes: readonly AnyWorker[] = [
  probeHttpWorker,
  probeTcpWorker,
  probeDnsWorker,
  probeTlsWorker,
  probeIcmpWorker,
];

export interface FreshProbe {
  readonly type: string;
  readonly input: Readonly<Record<string, unknown>>;
}

export function isProbeType(type: string): boolean {
  return probes.some((probe) => probe.type === type);
}

/**
 * Runs a probe in this process, within `timeoutMs` even where its input allows it more. Undefined when the probe itself
 * came to nothing (an unknown type, an input that does not fit, a machine that may not ping, an abort), which says
 * nothing of the target. Never rejects.
 */
export async function freshProbe(
  { type, input }: FreshProbe,
  { timeoutMs, signal, task }: { timeoutMs: number; signal: AbortSignal; task: TaskInfo },
): Promise<Pick<Verdict, 'verdict' | 'reason'> | undefined> {
  const worker = probes.find((probe) => probe.type === type);
  if (worker === undefined) return undefined;
  const outcome = await runWorker(worker, { input: bounded(input, timeoutMs), signal, task });
  if (outcome.kind === 'failed') return undefined;
  // Every worker of the list has `verdictShape` in its output, which is validated.
  const { verdict, reason } = outcome.output as unknown as Verdict;
  return { verdict, reason };
}

function bounded(input: FreshProbe['input'], timeoutMs: number): FreshProbe['input'] {
  const own = timeoutSchema.safeParse(input['timeout_ms']);
  return own.success ? { ...input, timeout_ms: Math.min(own.data, Math.floor(timeoutMs)) } : input;
}
