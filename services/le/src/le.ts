import type { Bus } from '@tenma/bus';
import { createUuidV7, defaults, queues } from '@tenma/protocol';
import type { Results } from '@tenma/results';
import { type Clock, type Log, sleep } from '@tenma/runtime';
import type { Store } from '@tenma/store';
import { startAnnouncer } from './announcer.ts';
import { startClockKeeper } from './clock-keeper.ts';
import { connectChanges } from './connect-changes.ts';
import { startDispatcher } from './dispatcher.ts';
import { watchFleet } from './fleet-watch.ts';
import { keepGeneration } from './generation.ts';
import { type App, buildApp } from './http/app.ts';
import { listen } from './http/listen.ts';
import { createIntake } from './intake.ts';
import { startJournalReader } from './journal-reader.ts';
import { createLedger } from './ledger.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import type { ActiveRegion } from './outbox.ts';
import { createOutboxGauge, type OutboxGauge } from './outbox-gauge.ts';
import { createTaskTypes } from './task-types.ts';
import { createTombstones } from './tombstones.ts';
import { wakeWaiting } from './wake-waiting.ts';
import { createTaskWatch } from './watch.ts';

export interface LeOptions {
  readonly leId: string;
  readonly host: string;
  readonly port: number;
  /** The user did not name the port: take the next free one if it is taken. */
  readonly portIsDefault: boolean;
  /** Unfinished tasks beyond which submissions get 503. Default 1,000,000. */
  readonly outboxLimit?: number;
  /** Where `active` points until regions are looked after. */
  readonly activeRegion: string;
}

interface Components {
  readonly bus: Bus;
  readonly results: Results;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly randomBytes: (bytes: Uint8Array) => Uint8Array;
}

export interface Le extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** For what shares the port, such as MQTT over WebSocket. */
  readonly server: App['server'];
  /** Resolves once there is a task type to submit and a pool to run it. */
  pool(signal: AbortSignal): Promise<void>;
}

/** The logic environment: accepts tasks, writes them down, sends them out, and writes down what became of them. */
export async function startLe(components: Components, options: LeOptions): Promise<Le> {
  const { bus, results, store, clock, log, random, randomBytes } = components;
  const { leId, outboxLimit = 1_000_000 } = options;
  await using parts = new AsyncDisposableStack();

  const metrics = createMetrics();
  const ledger = createLedger(store);
  const watch = createTaskWatch();
  const types = createTaskTypes({ store, clock, log });
  const outbox = parts.use(createOutboxGauge({ store, clock }, outboxLimit));
  const tombstones = createTombstones({ bus, log });
  const fleet = parts.use(
    await watchFleet({
      bus,
      results,
      clock,
      onAppeared(online, presence) {
        types.announced(online);
        tombstones.repeat();
        void wakeWaiting({ store, ledger, clock, log }, presence).then(() => dispatcher.poll());
      },
    }),
  );
  const active = (): ActiveRegion => ({ region: options.activeRegion, epoch: 1 });
  const dispatcher = parts.use(startDispatcher({ bus, store, ledger, clock, log, active }, leId));
  const announcer = parts.use(startAnnouncer({ store, ledger, results, clock, log }, leId));
  parts.use(
    connectChanges({ store, ledger, log }, { dispatcher, tombstones, announcer, watch, metrics, outbox }),
  );

  await bus.declareQueue(queues.ic, { kind: 'transient', messageTtlMs: defaults.dispatchLeaseMs });
  const stopping = new AbortController();
  parts.defer(() => stopping.abort(new Error('LE stops')));
  parts.use(keepGeneration(components, () => void dispatcher.poll()));
  const journal = parts.use(await startJournalReader({ bus, ledger, clock, log, random }));
  parts.use(startClockKeeper({ bus, store, ledger, fleet, journal, clock, log, random }));
  void types.load(stopping.signal);

  const newId = createUuidV7(() => clock.now(), randomBytes);
  const intake = createIntake({ store, ledger, dispatcher, types, outbox, metrics, clock, newId });
  showGauges(metrics, { bus, results, outbox });
  const tasks = { store, ledger, intake, dispatcher, watch, outbox };
  const app = await buildApp({ ...tasks, bus, results, types, fleet, metrics, clock, log, leId });
  parts.defer(() => app.close());
  const port = await listen(app, options);
  log.info({ leId, port }, 'accepting tasks');

  const opened = parts.move();
  return {
    url: urlOf(options.host, port),
    port,
    server: app.server,
    async pool(signal) {
      while (types.all().length === 0 || fleet.view.pools.size === 0) await sleep(clock, 10, signal);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function showGauges(
  metrics: Metrics,
  { bus, results, outbox }: { bus: Bus; results: Results; outbox: OutboxGauge },
): void {
  const connected = (status: string) => Number(status === 'connected');
  metrics.gauge('tenma_tasks_unfinished', 'Tasks accepted and not ended', () => outbox.unfinished);
  metrics.gauge('tenma_bus_connected', 'AMQP: 1 while connected', () => connected(bus.status));
  metrics.gauge('tenma_results_connected', 'MQTT: 1 while connected', () => connected(results.status));
}
