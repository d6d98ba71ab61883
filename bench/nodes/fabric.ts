import type { GeoDocument, NewRegion } from '@tenma/protocol';
import { freePort } from '@tenma/test-support';
import { startBrokers } from '../brokers.ts';
import { type NodeProcess, nextMessage, startNodeProcess } from '../child-process.ts';
import type { Part } from '../cpu.ts';
import { startDurablePostgres } from '../durable-postgres.ts';
import { waitUntil } from '../wait.ts';

export interface NodesOptions {
  readonly nodes: number;
  readonly regions: number;
  readonly observers: number;
  readonly intervalSeconds: number;
  readonly wees: number;
  readonly folder: string;
}

/** LE, IC and WEEs on real servers, with all the nodes registered and seen online. */
export interface NodesFabric {
  readonly url: string;
  readonly parts: readonly Part[];
  readonly processes: readonly NodeProcess[];
  onlineNodes(): Promise<number>;
}

const regionId = (n: number) => `region-${n}`;

export async function startNodesFabric(
  resources: AsyncDisposableStack,
  options: NodesOptions,
): Promise<NodesFabric> {
  const { folder, wees, nodes } = options;
  const brokers = await startBrokers(resources);
  const postgres = resources.use(await startDurablePostgres());
  const start = (name: string, path: string, environment: Record<string, string>) =>
    resources.use(
      startNodeProcess({ name, folder, environment, file: new URL(`../../${path}`, import.meta.url) }),
    );
  const target = start('targets', 'bench/nodes/target.ts', {});
  const targetPort = await nextMessage(target, (message) => (message as { port?: number }).port, 10_000);
  const common = {
    TENMA_AMQP_URL: brokers.amqpUrl,
    TENMA_MQTT_URL: brokers.mqttUrl,
    TENMA_LOG_LEVEL: 'warn',
    NODE_OPTIONS: '--max-old-space-size=384',
  };
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const le = start('LE', 'services/le/src/main.ts', {
    ...common,
    TENMA_HTTP_PORT: String(port),
    TENMA_STORE_URL: postgres.url,
    TENMA_ACTIVE_REGION: regionId(0),
    TENMA_DEFAULT_REGIONS: JSON.stringify(regionsOf(options)),
    TENMA_HEALTH_CHECK_INTERVAL_SECONDS: String(options.intervalSeconds),
    TENMA_HEALTH_OBSERVERS: String(options.observers),
  });
  const ic = start('IC', 'services/ic/src/main.ts', common);
  const runners = Array.from({ length: wees }, (_, n) =>
    start(`WEE ${n}`, 'services/wee/src/main.ts', {
      ...common,
      TENMA_REGION: regionId(n),
      TENMA_PROCESSES: '1',
    }),
  );
  const processes = [le, ic, ...runners];
  const ready = async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.ok ?? false;
  await waitUntil(ready, { timeoutMs: 60_000, what: 'Tenma being ready', processes });
  await register(url, options, `127.0.0.1:${targetPort}`);
  const onlineNodes = async () => {
    const status = (await (await fetch(`${url}/api/geo/status`)).json()) as { online_nodes: number };
    return status.online_nodes;
  };
  const online = async () => (await onlineNodes()) === nodes;
  const timeoutMs = options.intervalSeconds * 4_000 + 30_000;
  await waitUntil(online, { timeoutMs, what: 'all nodes being seen online', processes });
  return {
    url,
    processes,
    onlineNodes,
    parts: [
      { name: 'LE', pid: le.pid, children: 'together' },
      { name: 'IC', pid: ic.pid, children: 'together' },
      ...runners.map(({ name, pid }) => ({ name, pid, children: 'together' }) as const),
      { name: 'PostgreSQL', pid: postgres.pid, children: 'together' },
      ...brokers.parts,
      { name: 'the targets', pid: target.pid, children: 'together' },
    ],
  };
}

function regionsOf({ regions }: NodesOptions): NewRegion[] {
  return Array.from({ length: regions }, (_, n) => ({
    region_id: regionId(n),
    display_name: regionId(n),
    provider: 'bench',
    location: { lat: ((n * 37) % 140) - 70, lon: ((n * 67) % 360) - 180 },
    priority: n + 1,
    maintenance: false,
  }));
}

async function register(url: string, options: NodesOptions, endpoint: string): Promise<void> {
  const document: GeoDocument = {
    version: 1,
    active_region: regionId(0),
    regions: regionsOf(options),
    nodes: Array.from({ length: options.nodes }, (_, n) => ({
      node_id: `node-${n}`,
      region_id: regionId(n % options.regions),
      endpoint,
      node_type: 'general',
      labels: {},
      probe: { interval_ms: options.intervalSeconds * 1_000 },
    })),
  };
  const answer = await fetch(`${url}/api/geo/import`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(document),
  });
  if (!answer.ok) throw new Error(`the import was refused: ${await answer.text()}`);
}
