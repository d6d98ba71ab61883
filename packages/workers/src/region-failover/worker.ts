import {
  type Confirmation,
  type FailoverTaskInput,
  failoverTaskInputSchema,
  type FailoverTaskOutput,
  failoverTaskOutputSchema,
} from '@tenma/protocol';
import { defineWorker, type TaskInfo } from '@tenma/worker';
import { confirmNode, proposalOf } from './confirm.ts';

/** The longest `confirm_timeout_ms` and time to answer; whoever submits with a shorter one can say a shorter timeout. */
const attemptTimeoutMs = 62_000;

/**
 * Probes the nodes that are said to be lost, all at once, and says what should be done. It changes nothing: LE decides.
 * A node whose probe cannot be made here has no confirmation and no say. Rejects only when `signal` aborts.
 */
export async function confirmFailover(
  { from_region, to_region, lost, confirm_timeout_ms }: FailoverTaskInput,
  { signal, task }: { signal: AbortSignal; task: TaskInfo },
): Promise<FailoverTaskOutput> {
  const attempt = { timeoutMs: confirm_timeout_ms, signal, task };
  const confirmed = await Promise.all(
    lost.map(async ({ node_id, probe_type, probe_input }): Promise<Confirmation | undefined> => {
      const answer = await confirmNode({ type: probe_type, input: probe_input }, attempt);
      return answer && { node_id, region_id: from_region, ...answer };
    }),
  );
  const confirmations = confirmed.filter((one) => one !== undefined);
  return {
    proposal: proposalOf(confirmations),
    from_region,
    to_region: to_region ?? null,
    confirmed_from: task.region,
    confirmations,
  };
}

export const regionFailoverWorker = defineWorker({
  type: 'region-failover',
  version: '1.0.0',
  description:
    'Probes the nodes of a lost region once more and proposes to fail over or to stay; LE acts on the proposal.',
  input: failoverTaskInputSchema,
  output: failoverTaskOutputSchema,
  cost: 'light',
  timeout_ms: attemptTimeoutMs,
  // A proposal is about now: LE asks anew where it still matters.
  retry: { max_attempts: 1 },
  shadow: (before, after) => before.proposal === after.proposal,
  example: {
    from_region: 'ap-northeast-1',
    lost: [{ node_id: 'tokyo-1', probe_type: 'probe-tcp', probe_input: { host: 'localhost', port: 8000 } }],
    dry_run: true,
  },
  run: ({ input, signal, task }) => confirmFailover(input, { signal, task }),
});
