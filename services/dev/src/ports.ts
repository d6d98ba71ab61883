import type { Bus } from '@tenma/bus';
import { createMemoryBroker, createMemoryBus } from '@tenma/bus/memory';
import type { Results } from '@tenma/results';
import { createEmbeddedBroker, type EmbeddedBroker } from '@tenma/results/embedded';
import { type Clock, ConfigError, type Log } from '@tenma/runtime';
import type { Store } from '@tenma/store';
import type { DevConfig } from './config.ts';

interface Base {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
}

/** The ports of the fabric, each embedded unless the configuration names a server. */
export interface Ports extends AsyncDisposable {
  readonly store: Store;
  /** A bus of its own for each service. */
  bus(name: string): Bus;
  results(name: string): Results;
  /** Present when MQTT is embedded. */
  readonly mqtt: EmbeddedBroker | undefined;
  readonly mqttUrl: string;
}

/** Drivers of servers are loaded only when one is named: the usual start needs none of them. */
export async function openPorts(base: Base, config: DevConfig): Promise<Ports> {
  await using parts = new AsyncDisposableStack();
  const store = parts.use(await openStore(base, config.STORE_URL));
  const memory = createMemoryBroker(base);
  const { AMQP_URL: amqpUrl, MQTT_URL: mqttUrl } = config;
  const mqtt =
    mqttUrl === undefined
      ? parts.use(
          await createEmbeddedBroker(base, {
            host: config.HTTP_HOST,
            port: config.MQTT_PORT ?? 1883,
            portIsDefault: config.MQTT_PORT === undefined,
          }),
        )
      : undefined;
  const amqp = amqpUrl === undefined ? undefined : await import('@tenma/bus/amqp');
  const mqttClient = mqttUrl === undefined ? undefined : await import('@tenma/results/mqtt');
  const opened = parts.move();
  return {
    store,
    mqtt,
    mqttUrl: mqttUrl ?? `mqtt://${config.HTTP_HOST}:${mqtt?.port ?? 0}`,
    bus(name) {
      const bus = amqp?.createAmqpBus(base, { url: amqpUrl ?? '', name });
      return opened.use(bus ?? createMemoryBus({ ...base, broker: memory }));
    },
    results(name) {
      const results =
        mqttClient?.createMqttResults(base, { url: mqttUrl ?? '', clientId: name }) ?? mqtt?.results();
      if (!results) throw new Error('neither a broker of our own nor one that is named');
      return opened.use(results);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

async function openStore(base: Base, url: string): Promise<Store> {
  const path = /^sqlite:(.*)$/.exec(url)?.[1];
  if (path === undefined) return (await import('@tenma/store/postgres')).createPostgresStore(base, { url });
  const { createSqliteStore } = await import('@tenma/store/sqlite');
  return createSqliteStore(base, { path }).catch((error: unknown) => {
    const hint = 'Is Tenma already running in this folder? Stop it, or set TENMA_STORE_URL=sqlite:OTHER.db';
    throw new ConfigError(`${(error as Error).message}\n${hint}`);
  });
}
