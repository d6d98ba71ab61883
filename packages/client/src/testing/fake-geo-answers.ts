import type { ServerResponse } from 'node:http';
import {
  type GeoDocument,
  geoDocumentSchema,
  type GeoStatus,
  type LatencyLayer,
  newNodeSchema,
  newRegionSchema,
  problem,
} from '@tenma/protocol';
import { parse } from './fake-collection.ts';
import { answerFailover } from './fake-failover.ts';
import { activeRegion, type FakeGeo } from './fake-geo.ts';
import { type RecordedRequest, sendJson, sendProblem } from './replies.ts';

/** False when there is nothing at this address. */
export function answerGeo(
  geo: FakeGeo,
  request: RecordedRequest,
  url: URL,
  response: ServerResponse,
): boolean {
  const [resource = '', id, verb] = url.pathname.replace('/api/geo/', '').split('/');
  const query = url.searchParams;
  const limit = Number(query.get('limit') ?? 20);
  if (resource === 'regions') geo.regions.answer(request, id, query, response);
  else if (resource === 'nodes' && verb === 'results' && id !== undefined)
    sendResults(geo, id, query, response);
  else if (resource === 'nodes' && !geo.regions.all.has(query.get('region_id') ?? geo.active.region_id))
    sendProblem(response, problem('unknown_region'));
  else if (resource === 'nodes') geo.nodes.answer(request, id, query, response);
  else if (resource === 'failover' && id === 'history')
    sendJson(response, 200, { events: geo.events.slice(0, limit) });
  else if (resource === 'failover') answerFailover(geo, request, response);
  else if (resource === 'status') sendJson(response, 200, statusOf(geo));
  else if (resource === 'active-region') answerActive(geo, request, response);
  else if (resource === 'latency-matrix') sendMatrix(geo, query, response);
  else if (resource === 'replication-group' && id !== undefined) sendGroup(geo, id, query, response);
  else if (resource === 'export') sendJson(response, 200, documentOf(geo));
  else if (resource === 'import') takeDocument(geo, request, response);
  else return false;
  return true;
}

function sendResults(geo: FakeGeo, id: string, query: URLSearchParams, response: ServerResponse): void {
  if (!geo.nodes.all.has(id)) return void sendProblem(response, problem('unknown_node'));
  const results = geo.results.get(id) ?? [];
  sendJson(response, 200, { results: results.slice(0, Number(query.get('limit') ?? 100)) });
}

function answerActive(geo: FakeGeo, request: RecordedRequest, response: ServerResponse): void {
  if (request.method === 'PUT') {
    const id = String((request.body as { region_id?: unknown }).region_id);
    const status = geo.regions.view(id)?.status;
    if (status === undefined) return void sendProblem(response, problem('unknown_region'));
    const unfit = status === 'offline' || status === 'maintenance';
    if (unfit && id !== geo.active.region_id) {
      const detail = `${id} is ${status === 'offline' ? 'offline' : 'in maintenance'}`;
      return void sendProblem(response, problem('failover_refused', { detail }));
    }
    activate(geo, id);
  }
  sendJson(response, 200, geo.active);
}

function activate(geo: FakeGeo, id: string): void {
  if (id !== geo.active.region_id) geo.active = activeRegion(id, geo.active.epoch + 1);
}

function sendMatrix(geo: FakeGeo, query: URLSearchParams, response: ServerResponse): void {
  const layer = (query.get('layer') ?? 'effective') as LatencyLayer;
  const from = query.get('from')?.split(',');
  const rows = Object.entries(geo.latency[layer] ?? {}).filter(([id]) => from?.includes(id) ?? true);
  const matrix = rows.map(([id, row]) => [
    id,
    Object.fromEntries(Object.entries(row).map(([to, cell]) => [to, cell.rtt_ms])),
  ]);
  const cells = query.get('cells') === 'false' ? {} : Object.fromEntries(rows);
  sendJson(response, 200, { layer, matrix: Object.fromEntries(matrix), cells });
}

function sendGroup(geo: FakeGeo, id: string, query: URLSearchParams, response: ServerResponse): void {
  if (!geo.regions.all.has(id)) return void sendProblem(response, problem('unknown_region'));
  const nearest = Object.entries(geo.latency.effective?.[id] ?? {})
    .map(([to, { rtt_ms }]) => [to, rtt_ms] as const)
    .sort(([, a], [, b]) => a - b)
    .slice(0, Number(query.get('size') ?? 2));
  const replication_targets = nearest.map(([to]) => to);
  sendJson(response, 200, {
    source_region: id,
    replication_targets,
    latencies_ms: Object.fromEntries(nearest),
  });
}

function statusOf({ regions, nodes, active }: FakeGeo): GeoStatus {
  const shown = [...regions.all.keys()].flatMap((id) => regions.view(id) ?? []);
  const online = [...nodes.all.values()].filter(({ status }) => status === 'online');
  return {
    active_region: active.region_id,
    epoch: active.epoch,
    total_regions: shown.length,
    total_nodes: nodes.all.size,
    online_regions: shown.filter(({ status }) => status === 'online').length,
    online_nodes: online.length,
    auto_failover: true,
    regions: Object.fromEntries(
      shown.map(({ region_id, status, node_count, priority }) => {
        const online_nodes = online.filter((node) => node.region_id === region_id).length;
        return [region_id, { status, node_count, online_nodes, priority }];
      }),
    ),
  };
}

function documentOf({ regions, nodes, active }: FakeGeo): GeoDocument {
  return {
    version: 1,
    active_region: active.region_id,
    regions: [...regions.all.values()].map((region) => newRegionSchema.strip().parse(region)),
    nodes: [...nodes.all.values()].map((node) => newNodeSchema.strip().parse(node)),
  };
}

function takeDocument(geo: FakeGeo, request: RecordedRequest, response: ServerResponse): void {
  const parsed = parse(geoDocumentSchema, request.body);
  if (!parsed.ok) return void sendProblem(response, parsed.problem);
  const { regions, nodes, active_region } = parsed.value;
  geo.regions.clear();
  geo.nodes.clear();
  for (const region of regions) geo.addRegion(region);
  for (const node of nodes) geo.addNode(node);
  activate(geo, active_region);
  sendJson(response, 200, { regions: regions.length, nodes: nodes.length, active_region });
}
