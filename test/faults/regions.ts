import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ActiveRegion, FailoverEvent, GeoStatus } from '@tenma/protocol';
import { type ServiceProcess, until } from '@tenma/test-support';
import type { Stack } from './stack.ts';

/** A node as a local HTTP server that a test may kill and raise again on the same port. */
export interface LocalNode extends AsyncDisposable {
  readonly nodeId: string;
  readonly regionId: string;
  readonly endpoint: string;
  kill(): Promise<void>;
  raise(): Promise<void>;
}

export async function startNode(nodeId: string, regionId: string): Promise<LocalNode> {
  let server = await listening(0);
  const { port } = server.address() as AddressInfo;
  const kill = async () => {
    if (!server.listening) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  };
  return {
    nodeId,
    regionId,
    endpoint: `127.0.0.1:${port}`,
    kill,
    async raise() {
      server = await listening(port);
    },
    [Symbol.asyncDispose]: kill,
  };
}

async function listening(port: number): Promise<Server> {
  const server = createServer((_, response) => response.end('well'));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return server;
}

/** Throws when nothing answers within 10 s. */
export async function call<Body>(
  url: string,
  method = 'GET',
  body?: unknown,
): Promise<{ status: number; body: Body }> {
  const response = await fetch(url, {
    method,
    signal: AbortSignal.timeout(10_000),
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: (text === '' ? null : JSON.parse(text)) as Body };
}

/** What a test needs of a fabric that looks after three regions with two nodes each. */
export interface Regions extends AsyncDisposable {
  readonly api: string;
  readonly nodes: readonly LocalNode[];
  readonly services: readonly ServiceProcess[];
  status(): Promise<GeoStatus>;
  active(): Promise<ActiveRegion>;
  history(): Promise<FailoverEvent[]>;
}

export const threeRegions = ['ap-northeast-1', 'us-east-1', 'eu-west-1'] as const;

/** LE, IC, a WEE in each of three regions and two nodes a region, all of which are seen online. */
export async function startRegions(stack: Stack, weeEnv: Record<string, string> = {}): Promise<Regions> {
  const { fabric } = stack;
  await using parts = new AsyncDisposableStack();
  const services = [fabric.le(), fabric.ic()];
  for (const region of threeRegions) {
    services.push(fabric.wee({ TENMA_REGION: region, TENMA_PROCESSES: '1', ...weeEnv }));
  }
  await fabric.ready();
  const geo = `${fabric.api}/api/geo`;
  const nodes: LocalNode[] = [];
  for (const region of threeRegions) {
    for (const n of [1, 2]) {
      const node = parts.use(await startNode(`${region}-node-${n}`, region));
      nodes.push(node);
      const { nodeId: node_id, regionId: region_id, endpoint } = node;
      const answer = await call(`${geo}/nodes`, 'POST', { node_id, region_id, endpoint });
      if (answer.status !== 201) throw new Error(`${node_id} was refused: ${JSON.stringify(answer.body)}`);
    }
  }
  const status = async () => (await call<GeoStatus>(`${geo}/status`)).body;
  await until(async () => (await status()).online_nodes === nodes.length, {
    timeoutMs: 90_000,
    everyMs: 200,
    what: 'all nodes being seen online',
  });
  const opened = parts.move();
  return {
    api: fabric.api,
    nodes,
    services,
    status,
    active: async () => (await call<ActiveRegion>(`${geo}/active-region`)).body,
    history: async () => (await call<{ events: FailoverEvent[] }>(`${geo}/failover/history`)).body.events,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Prints what the services have said when a test fails. */
export async function explained<Result>(
  services: readonly ServiceProcess[],
  test: () => Promise<Result>,
): Promise<Result> {
  try {
    return await test();
  } catch (error) {
    for (const service of services)
      process.stderr.write(`--- ${service.name}\n${service.output().slice(-4_000)}\n`);
    throw error;
  }
}
