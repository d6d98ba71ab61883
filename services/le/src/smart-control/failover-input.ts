import type { Pace } from '@tenma/geo';
import { type Json, limits, type NodeRecord, type NodeStatus, type SubmissionInput } from '@tenma/protocol';
import { probeOf } from '../observe/node-probe.ts';

/** What is known of the region that a failover leaves. */
export interface LostRegion {
  readonly nodes: readonly { readonly node: NodeRecord; readonly status: NodeStatus }[];
  /** When it went offline. Null: it is not. */
  readonly offlineSince: string | null;
  /** Whose workers look once more. */
  readonly region: string;
}

/** As many as the input of a `region-failover` may name. */
const lostMax = 50;
/** What they take of the size of a task; the rest is for everything else in it. */
const lostBytesMax = limits.taskBytes / 2;
const queueTimeoutMs = 2_000;
/** For the way there and back, and a worker that has to be started. */
const slackMs = 4_000;

/** The region that the input of a `region-failover` leaves; null when it names none. */
export function regionLeftBy(input: unknown): string | null {
  const from = fieldsOf(input)['from_region'];
  return typeof from === 'string' ? from : null;
}

/**
 * A `region-failover` as it is submitted: with the probes that its worker repeats, and with clocks so short that its end
 * is known soon, even where no worker takes it. What the policy's own input says stands.
 */
export function failoverTask(task: SubmissionInput, lost: LostRegion, pace: Pace): SubmissionInput {
  const { offlineSince, region } = lost;
  const input = {
    lost: nodesToConfirm(lost, pace),
    confirm_timeout_ms: pace.confirmTimeoutMs,
    ...(offlineSince === null ? {} : { detected_at: offlineSince }),
    ...fieldsOf(task.input),
  };
  return {
    ...task,
    input,
    region,
    priority: 9,
    retry: { max_attempts: 1 },
    queue_timeout_ms: queueTimeoutMs,
    total_timeout_ms: failoverTotalMs(input, pace),
  };
}

/** After this long a `region-failover` with this input has ended, one way or another. */
export function failoverTotalMs(input: unknown, pace: Pace): number {
  const own = fieldsOf(input)['confirm_timeout_ms'];
  return queueTimeoutMs + (typeof own === 'number' ? own : pace.confirmTimeoutMs) + slackMs;
}

const order: readonly NodeStatus[] = ['offline', 'unknown', 'online', 'maintenance'];

/**
 * Offline ones first: they are what the verdict rests on. Those that are not probed at all have nothing to confirm. It
 * ends before the first one that is too much, whatever comes behind it: those that are up must not outvote the rest
 * because they are small.
 */
function nodesToConfirm({ nodes }: LostRegion, pace: Pace): Json[] {
  const inOrder = nodes
    .filter(({ node }) => node.probe.enabled !== false)
    .toSorted(
      (a, b) =>
        order.indexOf(a.status) - order.indexOf(b.status) || (a.node.node_id < b.node.node_id ? -1 : 1),
    )
    .slice(0, lostMax);
  const lost: Json[] = [];
  let bytes = 0;
  for (const { node } of inOrder) {
    const { type, input } = probeOf(node, pace.confirmTimeoutMs);
    const one = { node_id: node.node_id, probe_type: type, probe_input: input };
    // The text itself: what is rough about a rough size is more than a half where texts are not English.
    bytes += Buffer.byteLength(JSON.stringify(one));
    if (bytes > lostBytesMax) break;
    lost.push(one);
  }
  return lost;
}

function fieldsOf(input: unknown): Readonly<Record<string, unknown>> {
  return typeof input === 'object' && input !== null && !Array.isArray(input) ? { ...input } : {};
}
