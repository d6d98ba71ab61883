import type { Bus } from '@tenma/bus';
import type { Json } from '@tenma/protocol';
import type { Results } from '@tenma/results';
import type { Clock, Log } from '@tenma/runtime';
import type { Store } from '@tenma/store';
import type { FailoverControl } from './control/failover.ts';
import { createProposals } from './control/proposals.ts';
import type { DocumentCache } from './documents/document-cache.ts';
import type { FleetWatch } from './fleet-watch.ts';
import type { GeoSettings } from './geo/settings.ts';
import type { Intake } from './intake.ts';
import type { Changed } from './ledger.ts';
import { startGeoAnnouncements } from './observe/announcements.ts';
import { startHealth } from './observe/health.ts';
import { startLatencyRounds } from './observe/latency-rounds.ts';
import { keepLease } from './observe/lease.ts';
import { createObservationTeller } from './observe/observation-teller.ts';
import { startRetention } from './observe/retention.ts';
import { type MeasuredScheduler, startScheduler } from './observe/scheduler.ts';
import { startSchedules } from './observe/schedules.ts';
import { startPolicies } from './smart-control/policies.ts';

/** Everything that happens by itself: schedules, probes, verdicts, latency, policies, announcements, forgetting. */
export interface RegionCare extends AsyncDisposable {
  readonly scheduler: MeasuredScheduler;
  onChange(changes: readonly Changed[]): void;
}

interface Components {
  readonly store: Store;
  readonly bus: Bus;
  readonly results: Results;
  readonly documents: DocumentCache;
  readonly failover: FailoverControl;
  readonly fleet: FleetWatch;
  readonly intake: Intake;
  readonly settings: GeoSettings;
  readonly clock: Clock;
  readonly log: Log;
}

/** Of the replicas, the one that holds the lease does it; each tells of the ends that it writes down. */
export async function lookAfterRegions(components: Components, leId: string): Promise<RegionCare> {
  const { store, bus, failover, settings, clock, log } = components;
  await using parts = new AsyncDisposableStack();
  const lease = parts.use(keepLease({ store, clock, log }, 'regions', leId));
  const scheduler = parts.use(startScheduler({ ...components, lease }));
  parts.use(startSchedules({ ...components, scheduler }));
  const health = parts.use(await startHealth({ ...components, lease, scheduler }));
  const latency = parts.use(startLatencyRounds({ ...components, scheduler }));
  const proposals = createProposals({ store, failover, log });
  const unconfirmed = (input: Json) => proposals.unconfirmed(input);
  const confirmer = (from: string) => health.confirmer(from);
  const policies = parts.use(startPolicies({ ...components, lease, confirmer, unconfirmed }, leId));
  parts.use(startGeoAnnouncements({ ...components, lease }, leId));
  parts.use(startRetention({ ...components, lease }, { taskRetentionMs: settings.taskRetentionMs }));
  const teller = createObservationTeller({ bus, log }, leId);
  const opened = parts.move();
  return {
    scheduler,
    onChange(changes) {
      teller.onChange(changes);
      latency.onChange(changes);
      policies.onChange(changes);
      proposals.onChange(changes);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
