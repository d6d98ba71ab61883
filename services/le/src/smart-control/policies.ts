import { failoverType, type Json, type Policy, type PolicyEvent } from '@tenma/protocol';
import { type Clock, every, type Log } from '@tenma/runtime';
import type { DocumentCache } from '../documents/document-cache.ts';
import type { GeoSettings } from '../geo/settings.ts';
import type { Intake } from '../intake.ts';
import type { Changed } from '../ledger.ts';
import type { Lease } from '../observe/lease.ts';
import { activeIsOffline, againMs, createDocumentEvents, taskFinished } from './fabric-events.ts';
import { createPolicyActor } from './policy-actor.ts';
import { chainOf, movesActive, waitFor } from './policy-task.ts';

/** When … then submit task …: lets policies act on what happens in the fabric. */
export interface Policies extends AsyncDisposable {
  /** Ends of tasks, on the replica that has written them down. */
  onChange(changes: readonly Changed[]): void;
}

interface Components {
  readonly documents: DocumentCache;
  readonly lease: Pick<Lease, 'held'>;
  readonly intake: Intake;
  /** The region whose workers look once more before another one is left; null: nobody can at the moment. */
  readonly confirmer: (from: string) => string | null;
  /** Moves `active` where no worker could ever confirm it. */
  readonly unconfirmed: (input: Json) => Promise<void>;
  readonly settings: GeoSettings;
  readonly clock: Clock;
  readonly log: Log;
}

/** How often it is looked whether the active region is offline still. */
const lookMs = 1_000;

/**
 * Events of regions, nodes and failovers are told by the replica that holds the lease; what stood there when it took
 * the lease is no event. But for one thing: as long as the active region is offline, the policies that move `active`
 * are told again, whatever became of the first time.
 */
export function startPolicies(components: Components, leId: string): Policies {
  const { documents, lease, settings, clock } = components;
  const actor = createPolicyActor({ ...components, log: components.log.child({ leId }) });
  const events = createDocumentEvents(documents);

  /** Verdicts that nobody renews any more mean nothing. */
  const counts = ({ name }: PolicyEvent) =>
    settings.enabled || (name !== 'region.status' && name !== 'node.status');

  function tellAgain(): void {
    if (!lease.held || !settings.enabled) return;
    const now = clock.now();
    const event = activeIsOffline(documents, now);
    if (!event) return;
    const isTime = (policy: Policy) =>
      movesActive(policy) && !actor.isUnderWay(policy, now) && now - actor.lastTriedAt(policy) >= againMs;
    actor.tell({ event, chain: [] }, isTime);
  }

  const parts = [
    documents.onChange((changes) => {
      const told = events.after(changes, clock.now());
      if (lease.held) for (const event of told) if (counts(event)) actor.tell({ event, chain: [] });
    }),
    every(clock, lookMs, () => {
      actor.retry();
      tellAgain();
    }),
  ];

  return {
    onChange(changes) {
      const isAwaited = waitFor(documents, 'task.finished');
      for (const changed of changes) {
        const { spec, life } = changed.after;
        const chain = chainOf(spec);
        if (life.finishedAt !== null && spec.type === failoverType && chain.length > 0) actor.ended(spec.id);
        const event = isAwaited ? taskFinished(changed, clock.now()) : null;
        if (event) actor.tell({ event, chain });
      }
    },
    async [Symbol.asyncDispose]() {
      for (const part of parts) part[Symbol.dispose]();
      await actor[Symbol.asyncDispose]();
    },
  };
}
