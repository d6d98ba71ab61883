import type { Pace } from '@tenma/geo';
import {
  failoverType,
  type NodeStatus,
  type Policy,
  type PolicyEvent,
  type PolicyEventName,
  type SubmissionInput,
} from '@tenma/protocol';
import type { TaskSpec } from '@tenma/store';
import type { DocumentCache } from '../documents/document-cache.ts';
import { nodesOf, nodeVerdict, regionVerdict } from '../geo/view.ts';
import { failoverTask, type LostRegion, regionLeftBy } from './failover-input.ts';
import { fillIn } from './fill-in.ts';

/** Label on a policy's task: the policies whose tasks led to it, the last one its own. */
export const chainLabel = 'tenma-policies';
const chainLength = 255;
const prefix = 'policy:';

export function policyPrincipal(policyId: string): string {
  return `${prefix}${policyId}`;
}

/** The policies that led to a task; none for what somebody has submitted. */
export function chainOf({ principal, labels }: Pick<TaskSpec, 'principal' | 'labels'>): string[] {
  if (!principal.startsWith(prefix)) return [];
  const earlier = labels[chainLabel]?.split(' ') ?? [];
  return [...new Set([...earlier, principal.slice(prefix.length)])];
}

/** An event, and the policies whose tasks led to it. */
export interface Occasion {
  readonly event: PolicyEvent;
  readonly chain: readonly string[];
}

/** No policy acts on what it has led to itself, straight or through others: that would never end. */
export function isMeant(policy: Policy, { event, chain }: Occasion): boolean {
  const { when, enabled, policy_id: id } = policy;
  if (!enabled || when.event !== event.name || chain.includes(id)) return false;
  if ([...chain, id].join(' ').length > chainLength) return false;
  return Object.entries(when.where).every(
    ([field, value]) => Object.hasOwn(event.fields, field) && event.fields[field] === value,
  );
}

export function waitFor(documents: DocumentCache, name: PolicyEventName): boolean {
  for (const { value } of documents.all('policy').values()) {
    if (value.enabled && value.when.event === name) return true;
  }
  return false;
}

export function movesActive(policy: Policy): boolean {
  return policy.then.type === failoverType;
}

/** What the task of a policy is made with. */
export interface TaskContext {
  readonly documents: DocumentCache;
  readonly pace: Pace;
  /** The region whose workers look once more before another one is left; null: nobody can at the moment. */
  readonly confirmer: (from: string) => string | null;
}

/** What a policy submits on an event: the same however often it is told. Null: nobody could confirm its failover now. */
export function taskOf(
  policy: Policy,
  { event, chain }: Occasion,
  { documents, pace, confirmer }: TaskContext,
): SubmissionInput | null {
  const task = fillIn(policy.then, event.fields);
  const id = policy.policy_id;
  const labels = { ...task.labels, [chainLabel]: [...chain, id].join(' ') };
  const own: SubmissionInput = {
    ...task,
    labels,
    idempotency_key: `${policyPrincipal(id)}:${event.id}`,
  };
  const from = movesActive(policy) ? regionLeftBy(own.input) : null;
  if (from === null) return own;
  const region = confirmer(from);
  return region === null ? null : failoverTask(own, { ...lostRegion(documents, from), region }, pace);
}

function lostRegion(documents: DocumentCache, id: string): Omit<LostRegion, 'region'> {
  const region = documents.get('region', id)?.value;
  const verdict = region && regionVerdict(documents, region);
  return {
    nodes: nodesOf(documents, id).map((node) => ({
      node,
      status: nodeVerdict(documents, node).status as NodeStatus,
    })),
    offlineSince: verdict?.status === 'offline' ? verdict.since : null,
  };
}
