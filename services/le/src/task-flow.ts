import type { Bus } from '@tenma/bus';
import { defaults, queues } from '@tenma/protocol';
import type { Results } from '@tenma/results';
import type { Clock, Log } from '@tenma/runtime';
import type { Store } from '@tenma/store';
import { startAnnouncer } from './announcer.ts';
import { startBlobReader } from './blobs/blob-reader.ts';
import { startClockKeeper } from './clock-keeper.ts';
import { connectChanges } from './connect-changes.ts';
import { createEpochKeeper } from './control/epoch-keeper.ts';
import { createTaskMover, type TaskMover } from './control/task-mover.ts';
import { type Dispatcher, startDispatcher } from './dispatcher.ts';
import type { DocumentCache } from './documents/document-cache.ts';
import { type FleetWatch, watchFleet } from './fleet-watch.ts';
import { keepGeneration } from './generation.ts';
import { isKnownRegion } from './geo/known-regions.ts';
import { keepWhereToSend } from './geo/where-to-send.ts';
import { createIntake, type Intake } from './intake.ts';
import { startJournalReader } from './journal-reader.ts';
import { createLedger, type Ledger } from './ledger.ts';
import type { Metrics } from './metrics.ts';
import { keepLease } from './observe/lease.ts';
import { createOutboxGauge, type OutboxGauge } from './outbox-gauge.ts';
import { startReleaseKeeper } from './releases/release-keeper.ts';
import { tellReleases } from './releases/tell-releases.ts';
import { createTaskTypes, type TaskTypes } from './task-types.ts';
import { createTombstones } from './tombstones.ts';
import { wakeWaiting } from './wake-waiting.ts';
import { createTaskWatch, type TaskWatch } from './watch.ts';

/** All that a task passes through in LE, from its intake to its end. */
export interface TaskFlow extends AsyncDisposable {
  readonly ledger: Ledger;
  readonly intake: Intake;
  readonly dispatcher: Dispatcher;
  readonly types: TaskTypes;
  readonly fleet: FleetWatch;
  readonly watch: TaskWatch;
  readonly outbox: OutboxGauge;
  readonly mover: TaskMover;
}

interface Components {
  readonly bus: Bus;
  readonly results: Results;
  readonly store: Store;
  readonly documents: DocumentCache;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly newId: () => string;
}

export async function openTaskFlow(
  components: Components,
  { leId, outboxLimit }: { leId: string; outboxLimit: number },
): Promise<TaskFlow> {
  const { bus, results, store, documents, metrics, clock, log, random } = components;
  await using parts = new AsyncDisposableStack();

  const ledger = createLedger(store);
  const watch = createTaskWatch();
  const types = createTaskTypes({ store, documents, clock, log, random });
  const outbox = parts.use(createOutboxGauge({ store, clock }, outboxLimit));
  const tombstones = createTombstones({ bus, log });
  const dispatch = () => void dispatcher.poll();
  const settle = () => journal.settle();
  const releases = parts.use(tellReleases({ documents, bus, log }));
  const mover = parts.use(createTaskMover({ ...components, ledger, settle, dispatch, releases }));
  // What was told while the broker was away has reached nobody.
  parts.use(bus.onStatus((status) => void (status === 'connected' && mover.repeat())));
  const fleet = parts.use(
    await watchFleet({
      bus,
      results,
      clock,
      onAppeared(presence) {
        tombstones.repeat();
        mover.repeat();
        void wakeWaiting({ store, ledger, clock, log }, presence).then(dispatch);
      },
      onHeardAgain: () => mover.repeat(),
    }),
  );
  parts.use(keepInStep(types, { fleet, documents, results }));
  parts.use(startReleaseKeeper({ documents, fleet, results, clock, log }));
  const active = parts.use(keepWhereToSend(documents)).current;
  const limits = parts.use(keepLease({ store, clock, log }, 'limits', leId));
  const dispatcher = parts.use(
    startDispatcher({ bus, store, ledger, types, limits, clock, log, active }, leId),
  );
  const announcer = parts.use(startAnnouncer({ store, ledger, results, clock, log }, leId));
  parts.use(
    connectChanges({ store, ledger, log }, { dispatcher, tombstones, announcer, watch, metrics, outbox }),
  );
  await bus.declareQueue(queues.ic, { kind: 'transient', messageTtlMs: defaults.dispatchLeaseMs });
  parts.use(keepGeneration(components, dispatch));
  const epochs = createEpochKeeper({ documents, log });
  const journal = parts.use(await startJournalReader({ bus, ledger, epochs, clock, log, random }));
  parts.use(startClockKeeper({ bus, store, ledger, fleet, journal, clock, log, random }));
  parts.use(await startBlobReader(components));
  const stopping = new AbortController();
  parts.defer(() => stopping.abort(new Error('LE stops')));
  void types.load(stopping.signal);
  const knowsRegion = (region: string) => isKnownRegion({ documents, fleet }, region);
  const intake = createIntake({ ...components, ledger, dispatcher, types, outbox, knowsRegion });

  const opened = parts.move();
  return {
    ledger,
    intake,
    dispatcher,
    types,
    fleet,
    watch,
    outbox,
    mover,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Types come with those who announce them, and go with their releases. */
function keepInStep(
  types: TaskTypes,
  { fleet, documents, results }: Pick<Components, 'documents' | 'results'> & { fleet: FleetWatch },
): Disposable {
  const parts = new DisposableStack();
  const { sights } = types;
  parts.use(results.onStatus((status) => void (status === 'connected' && sights.connected())));
  parts.use(
    fleet.onVersions((online) => {
      types.announced(online);
      sights.seen([...fleet.view.wees.values()].map(({ presence }) => presence));
    }),
  );
  parts.use(fleet.onHeartbeat(({ wee_id: id }) => sights.heard(id)));
  parts.use(documents.onChange((changes) => types.onChange(changes)));
  return parts;
}
