import type { Bus } from '@tenma/bus';
import { createUuidV7 } from '@tenma/protocol';
import type { Results } from '@tenma/results';
import { type Clock, type Log, sleep } from '@tenma/runtime';
import type { Store } from '@tenma/store';
import { createFailoverControl } from './control/failover.ts';
import type { Dispatcher } from './dispatcher.ts';
import { keepDocuments } from './documents/document-cache.ts';
import { writeFirstDocuments } from './geo/first-documents.ts';
import type { GeoSettings } from './geo/settings.ts';
import { buildApp } from './http/app.ts';
import type { App } from './http/server.ts';
import { listen } from './http/listen.ts';
import { lookAfterRegions } from './look-after-regions.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import type { MeasuredScheduler } from './observe/scheduler.ts';
import type { OutboxGauge } from './outbox-gauge.ts';
import { openTaskFlow } from './task-flow.ts';

export interface LeOptions {
  readonly leId: string;
  readonly host: string;
  readonly port: number;
  /** The user did not name the port: take the next free one if it is taken. */
  readonly portIsDefault: boolean;
  /** Unfinished tasks beyond which submissions get 503. Default 1,000,000. */
  readonly outboxLimit?: number;
  /** How regions are looked after. */
  readonly geo: GeoSettings;
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
  const { bus, results, store, clock, log, randomBytes } = components;
  const { leId, geo: settings, outboxLimit = 1_000_000 } = options;
  await using parts = new AsyncDisposableStack();

  const newId = createUuidV7(() => clock.now(), randomBytes);
  const metrics = createMetrics();
  const documents = parts.use(keepDocuments({ store, clock, log }, writeFirstDocuments(settings, clock)));
  const base = { ...components, documents, metrics, newId };
  const flow = parts.use(await openTaskFlow(base, { leId, outboxLimit }));
  const failover = createFailoverControl({ ...base, fleet: flow.fleet, mover: flow.mover, settings });
  const care = parts.use(await lookAfterRegions({ ...base, ...flow, failover, settings }, leId));
  parts.use(flow.ledger.onChange((changes) => care.onChange(changes)));
  showGauges(metrics, { bus, results, ...flow, scheduler: care.scheduler });

  const app = await buildApp({ ...base, ...flow, failover, settings, leId });
  parts.defer(() => app.close());
  const port = await listen(app, options);
  log.info({ leId, port }, 'accepting tasks');

  const opened = parts.move();
  return {
    url: urlOf(options.host, port),
    port,
    server: app.server,
    async pool(signal) {
      while (flow.types.all().length === 0 || flow.fleet.view.pools.size === 0)
        await sleep(clock, 10, signal);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

interface Gauged {
  readonly bus: Bus;
  readonly results: Results;
  readonly outbox: OutboxGauge;
  readonly dispatcher: Dispatcher;
  readonly scheduler: MeasuredScheduler;
}

function showGauges(metrics: Metrics, { bus, results, outbox, dispatcher, scheduler }: Gauged): void {
  const connected = (status: string) => Number(status === 'connected');
  const lag = 'Of the last half minute: from the start of a slot to the commit of its tasks';
  metrics.gauge('tenma_tasks_unfinished', 'Tasks accepted and not ended', () => outbox.unfinished);
  const limited = 'Tasks out under a limit, in the replica that keeps the count';
  metrics.gauge('tenma_limited_tasks_out', limited, () => dispatcher.limitedOut);
  metrics.gauge('tenma_bus_connected', 'AMQP: 1 while connected', () => connected(bus.status));
  metrics.gauge('tenma_results_connected', 'MQTT: 1 while connected', () => connected(results.status));
  metrics.gauge('tenma_schedule_lag_p99_ms', lag, () => scheduler.lagMs().p99);
  metrics.gauge('tenma_schedule_lag_max_ms', lag, () => scheduler.lagMs().max);
  metrics.gauge(
    'tenma_schedule_tasks_lost',
    'Tasks of slots that could not be submitted',
    () => scheduler.counts.lost,
  );
}
