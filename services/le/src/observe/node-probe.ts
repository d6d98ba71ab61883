import { isIP } from 'node:net';
import {
  type Json,
  type NodeRecord,
  probeLabels,
  probeTypeOf,
  type SubmissionInput,
  timestamp,
} from '@tenma/protocol';

/** What looks at a node: a task type and its input. */
export interface NodeProbe {
  readonly type: string;
  readonly input: Json;
}

interface Target {
  readonly host: string;
  readonly port: number;
  readonly url: string;
}

/** Inputs of the built-in probes. What these look like is published with their presence: GET /api/v1/task-types. */
const inputOf: Readonly<Record<string, (target: Target) => Record<string, Json>>> = {
  // Any answer but a server's fault shows that it lives: a node has no reason to serve `/`.
  'probe-http': ({ url }) => ({ url, expect_status: ['200-499'] }),
  'probe-tcp': ({ host, port }) => ({ host, port }),
  'probe-tls': ({ host, port }) => ({ host, port }),
  // One echo request: that some are lost is what the failures in a row are for.
  'probe-icmp': ({ host }) => ({ host, count: 1 }),
  'probe-dns': dnsInput,
};

/** The `timeout_ms` that the built-in probes take. */
const timeoutRangeMs = { min: 10, max: 30_000 };
/** Between the timeout of a probe and that of its attempt: a silent target is a verdict, not a failed attempt. */
const answerMs = 1_000;

/** How a node is probed: as its owner says, else by its type. */
export function probeOf(
  node: Pick<NodeRecord, 'endpoint' | 'node_type' | 'probe'>,
  timeoutMs: number,
): NodeProbe {
  const type = probeTypeOf(node);
  const own = node.probe.input;
  const builtIn = inputOf[type];
  if (!builtIn) return { type, input: own ?? { endpoint: node.endpoint } };
  const { min, max } = timeoutRangeMs;
  const timeout_ms = Math.min(max, Math.max(min, Math.round(timeoutMs)));
  return { type, input: { timeout_ms, ...(own ?? builtIn(targetOf(node.endpoint))) } };
}

/** @param endpoint as `endpointSchema` takes it */
function targetOf(endpoint: string): Target {
  const isUrl = /^https?:\/\//i.test(endpoint);
  const url = new URL(isUrl ? endpoint : `http://${endpoint}/`);
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port, url: url.href };
}

/** A name is looked up; an address is asked for `localhost`, which every resolver should know (RFC 6761, 6.3). */
function dnsInput({ host, port }: Target): Record<string, Json> {
  if (isIP(host) === 0) return { name: host };
  return { name: 'localhost', server: isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}` };
}

interface Probing {
  readonly node: NodeRecord;
  /** The region that looks. */
  readonly observer: string;
  readonly probe: NodeProbe;
  /** Start of the slot, and when the probe is due in it: a later moment is for looking again. Unix ms. */
  readonly slot: number;
  readonly at: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/**
 * One probe of a node: a single attempt, which expires when its slot ends. Its key names the slot, so that it is made
 * once however often it is submitted.
 */
export function probeTask({
  node,
  observer,
  probe,
  slot,
  at,
  intervalMs,
  timeoutMs,
}: Probing): SubmissionInput {
  const attemptMs = Math.ceil(ownTimeoutMs(probe.input) ?? timeoutMs) + answerMs;
  const key = `observe:${node.node_id}:${observer}:${slot}`;
  return {
    type: probe.type,
    input: probe.input,
    region: observer,
    priority: 8,
    timeout_ms: attemptMs,
    deadline: timestamp(Math.max(slot + intervalMs, at + attemptMs)),
    retry: { max_attempts: 1 },
    labels: { [probeLabels.node]: node.node_id },
    idempotency_key: at === slot ? key : `${key}:again-${at - slot}`,
  };
}

function ownTimeoutMs(input: Json): number | undefined {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return undefined;
  const { timeout_ms: own } = input;
  return typeof own === 'number' && own > 0 ? own : undefined;
}
