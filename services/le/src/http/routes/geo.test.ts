import { geoStatusSchema, nodeSchema, regionSchema } from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import { openRegistry } from '../fixtures/registry.ts';

const osaka = {
  region_id: 'ap-northeast-3',
  display_name: 'Asia Pacific (Osaka)',
  provider: 'aws',
  location: { lat: 34.69, lon: 135.5 },
  priority: 6,
};
const gpuNode = {
  node_id: 'prod-gpu-node-01',
  region_id: 'ap-northeast-1',
  endpoint: '127.0.0.1:8000',
  node_type: 'gpu',
};

describe('the requests of the source, in its order', () => {
  it('are answered in its shapes', async () => {
    await using registry = await openRegistry();
    const { ask } = registry;

    const status = await ask('GET', '/api/geo/status');
    expect(status.status).toBe(200);
    expect(geoStatusSchema.parse(status.body)).toMatchObject({
      active_region: 'ap-northeast-1',
      total_regions: 5,
      total_nodes: 0,
      online_regions: 5,
      regions: { 'ap-northeast-1': { status: 'online', node_count: 0, priority: 1 } },
    });

    const { body } = await ask('GET', '/api/geo/regions');
    const { regions } = body as { regions: unknown[] };
    expect(regions.map((region) => regionSchema.parse(region))).toMatchObject([
      { region_id: 'ap-northeast-1', location: { lat: 35.68, lon: 139.69 }, priority: 1, active: true },
      { region_id: 'us-east-1', location: { lat: 39.04, lon: -77.49 }, priority: 2, active: false },
      { region_id: 'us-west-2', location: { lat: 45.52, lon: -122.68 }, priority: 3 },
      { region_id: 'eu-west-1', location: { lat: 53.33, lon: -6.25 }, priority: 4 },
      { region_id: 'ap-southeast-1', location: { lat: 1.35, lon: 103.82 }, priority: 5, provider: 'aws' },
    ]);

    const added = await ask('POST', '/api/geo/regions', osaka);
    expect(added).toMatchObject({
      status: 201,
      headers: { location: '/api/geo/regions/ap-northeast-3' },
      body: { ...osaka, status: 'online', maintenance: false, node_count: 0 },
    });
    expect(await ask('GET', '/api/geo/regions/ap-northeast-3')).toMatchObject({
      status: 200,
      body: added.body,
    });
    expect(await ask('DELETE', '/api/geo/regions/ap-northeast-3')).toMatchObject({ status: 204, body: null });

    expect((await ask('GET', '/api/geo/nodes')).body).toEqual({ nodes: [] });
    const node = await ask('POST', '/api/geo/nodes', gpuNode);
    expect(node).toMatchObject({ status: 201, headers: { location: '/api/geo/nodes/prod-gpu-node-01' } });
    expect(nodeSchema.parse(node.body)).toMatchObject({ ...gpuNode, status: 'unknown', observers: [] });
    expect((await ask('GET', '/api/geo/nodes?region_id=ap-northeast-1&status=unknown')).body).toEqual({
      nodes: [node.body],
    });
    expect((await ask('GET', '/api/geo/nodes?status=online')).body).toEqual({ nodes: [] });
    expect((await ask('GET', '/api/geo/nodes?region_id=eu-west-1')).body).toEqual({ nodes: [] });
    expect(await ask('DELETE', '/api/geo/nodes/prod-gpu-node-01')).toMatchObject({ status: 204, body: null });

    const order = {
      from_region: 'ap-northeast-1',
      to_region: 'us-east-1',
      reason: 'region_unavailable',
      triggered_by: 'operator',
    };
    const failover = await ask('POST', '/api/geo/failover', order);
    expect(failover).toMatchObject({
      status: 200,
      body: {
        status: 'failover_executed',
        event: { ...order, timestamp: '2026-02-20T10:30:00.000Z', success: true, epoch: 2 },
      },
    });
    const { event } = failover.body as { event: unknown };
    expect((await ask('GET', '/api/geo/failover/history?limit=5')).body).toEqual({ events: [event] });
    expect((await ask('GET', '/api/geo/active-region')).body).toMatchObject({
      region_id: 'us-east-1',
      epoch: 2,
    });
    const put = await ask('PUT', '/api/geo/active-region', { region_id: 'ap-northeast-1' });
    expect(put).toMatchObject({ status: 200, body: { active_region: 'ap-northeast-1', epoch: 3 } });
  });
});

describe('regions and nodes beyond the source', () => {
  it('are changed by PATCH, which leaves what it does not say', async () => {
    await using registry = await openRegistry();
    const { ask, clock } = registry;
    await clock.advance(60_000);
    expect(await ask('PATCH', '/api/geo/regions/eu-west-1', { maintenance: true })).toMatchObject({
      status: 200,
      body: {
        display_name: 'Europe (Ireland)',
        maintenance: true,
        status: 'maintenance',
        created_at: '2026-02-20T10:30:00.000Z',
        updated_at: '2026-02-20T10:31:00.000Z',
      },
    });
    await ask('POST', '/api/geo/nodes', gpuNode);
    const patched = await ask('PATCH', '/api/geo/nodes/prod-gpu-node-01', { endpoint: '[::1]:80' });
    expect(patched).toMatchObject({ status: 200, body: { ...gpuNode, endpoint: '[::1]:80' } });
    expect((await ask('GET', '/api/geo/nodes/prod-gpu-node-01')).body).toEqual(patched.body);
  });

  it('count the nodes of every region, and those that are online', async () => {
    await using registry = await openRegistry();
    const { ask, documents } = registry;
    for (const node_id of ['a', 'b']) await ask('POST', '/api/geo/nodes', { ...gpuNode, node_id });
    await ask('POST', '/api/geo/nodes', { ...gpuNode, node_id: 'c', region_id: 'eu-west-1' });
    const value = { status: 'online', reason: null, since: '2026-02-20T10:30:05.000Z' } as const;
    const verdict = { ...value, quarantined: false, observers: [] };
    await documents.write([{ kind: 'node-verdict', id: 'b', expected: 0, value: verdict }]);
    expect((await ask('GET', '/api/geo/status')).body).toMatchObject({
      total_nodes: 3,
      online_nodes: 1,
      regions: {
        'ap-northeast-1': { node_count: 2, online_nodes: 1 },
        'eu-west-1': { node_count: 1, online_nodes: 0 },
        'us-east-1': { node_count: 0 },
      },
    });
    expect((await ask('GET', '/api/geo/regions')).body).toMatchObject({
      regions: [
        { node_count: 2 },
        { node_count: 0 },
        { node_count: 0 },
        { node_count: 1 },
        { node_count: 0 },
      ],
    });
    expect((await ask('GET', '/api/geo/nodes?status=online')).body).toMatchObject({
      nodes: [{ node_id: 'b', status_since: '2026-02-20T10:30:05.000Z' }],
    });
  });

  it('show the last probes of a node, newest first, until it is deleted', async () => {
    await using registry = await openRegistry();
    const { ask, store } = registry;
    await ask('POST', '/api/geo/nodes', gpuNode);
    const path = '/api/geo/nodes/prod-gpu-node-01/results';
    expect((await ask('GET', path)).body).toEqual({ results: [] });
    const seen = (at: number) => ({
      node_id: 'prod-gpu-node-01',
      observer: 'eu-west-1',
      outcome: 'up',
      at,
      round_trip_ms: 12.5,
      reason: null,
      task_id: '01990b4c-6f2a-7cc3-9d5e-0f6d2f1a7b10',
    });
    const rows = [1, 2, 3].map((at) => ({ target: 'prod-gpu-node-01', at, value: seen(at) }));
    await store.recordObservations(rows);
    expect((await ask('GET', `${path}?limit=2`)).body).toEqual({ results: [seen(3), seen(2)] });
    await ask('DELETE', '/api/geo/nodes/prod-gpu-node-01');
    expect(await ask('GET', path)).toMatchObject({ status: 404, problem: { code: 'unknown_node' } });
    expect(await store.observations('prod-gpu-node-01', 10)).toEqual([]);
  });

  it('are planned by a dry run, which changes nothing', async () => {
    await using registry = await openRegistry();
    const before = await registry.standing();
    const order = { from_region: 'ap-northeast-1', dry_run: true };
    expect(await registry.ask('POST', '/api/geo/failover', order)).toMatchObject({
      status: 200,
      body: { status: 'failover_planned', event: { to_region: 'us-east-1', dry_run: true, epoch: 1 } },
    });
    expect(await registry.standing()).toEqual(before);
  });
});
