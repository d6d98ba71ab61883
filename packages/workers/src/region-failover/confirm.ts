import { setTimeout as pause } from 'node:timers/promises';
import type { Confirmation } from '@tenma/protocol';
import type { TaskInfo } from '@tenma/worker';
import { startDeadline } from '../deadline.ts';
import { type FreshProbe, freshProbe, isProbeType } from './fresh-probe.ts';

export interface Attempt {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly task: TaskInfo;
}

type Answer = Pick<Confirmation, 'verdict' | 'reason'>;

/**
 * Probes a node once more, twice over: the second try begins after a third of the timeout, whatever has become of the
 * first, and one answer makes the node up. So a packet lost by chance does not confirm a loss. Undefined when neither
 * try could be made; down when the timeout passes. Rejects only when `signal` aborts.
 */
export async function confirmNode(
  probe: FreshProbe,
  { timeoutMs, signal, task }: Attempt,
): Promise<Answer | undefined> {
  if (!isProbeType(probe.type)) return undefined;
  using deadline = startDeadline(signal, timeoutMs);
  const answered = new AbortController();
  const either = AbortSignal.any([deadline.signal, answered.signal]);
  const tryAfter = async (delayMs: number): Promise<Answer | undefined> => {
    if (delayMs > 0) await pause(delayMs, undefined, { signal: either }).catch(() => undefined);
    if (either.aborted) return undefined;
    const seen = await freshProbe(probe, { timeoutMs: timeoutMs - delayMs, signal: either, task });
    // The other try is needed no more.
    if (seen?.verdict === 'up') answered.abort(new Error('the node has answered'));
    return seen ?? (deadline.expired() ? { verdict: 'down', reason: 'timeout' } : undefined);
  };
  const tries = await Promise.all([tryAfter(0), tryAfter(timeoutMs / 3)]);
  signal.throwIfAborted();
  const seen = tries.find((one) => one?.verdict === 'up') ?? tries.find((one) => one !== undefined);
  if (seen === undefined) return undefined;
  return seen.verdict === 'up' ? { verdict: 'up', reason: null } : seen;
}

/** `fail_over` when more than half of the nodes that could be probed are down, or none could be. */
export function proposalOf(confirmations: readonly Confirmation[]): 'fail_over' | 'stay' {
  const down = confirmations.filter(({ verdict }) => verdict === 'down').length;
  return confirmations.length === 0 || down * 2 > confirmations.length ? 'fail_over' : 'stay';
}
