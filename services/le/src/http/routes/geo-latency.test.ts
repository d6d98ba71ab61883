import { request } from 'node:http';
import { once } from 'node:events';
import { type LatencyMatrix, latencyMatrixSchema, replicationGroupSchema } from '@tenma/protocol';
import { silentLog } from '@tenma/runtime';
import { describe, expect, it } from 'vitest';
import { sourceRegions } from '../../geo/first-documents.ts';
import { buildApp } from '../app.ts';
import { openRegistry, type Registry } from '../fixtures/registry.ts';

const path = '/api/geo/latency-matrix';
const ids = sourceRegions.map(({ region_id: id }) => id);

async function matrixOf({ ask }: Registry, query = ''): Promise<LatencyMatrix> {
  const { status, body } = await ask('GET', `${path}${query}`);
  expect(status).toBe(200);
  return latencyMatrixSchema.parse(body);
}

/** A registry of that many regions along the equator, put there by an import. */
async function registryOf(count: number): Promise<Registry> {
  const registry = await openRegistry();
  const regions = Array.from({ length: count }, (_, n) => ({
    region_id: `r${n}`,
    location: { lat: (n % 7) - 3, lon: (n * 360) / count - 180 },
  }));
  await registry.ask('POST', '/api/geo/import', { version: 1, active_region: 'r0', regions, nodes: [] });
  return registry;
}

describe('the latency matrix', () => {
  it('holds a number for every pair of regions, and beside it what the number is', async () => {
    await using registry = await openRegistry();
    const { layer, matrix, cells } = await matrixOf(registry);
    expect(layer).toBe('effective');
    expect(Object.keys(matrix).sort()).toEqual([...ids].sort());
    for (const from of ids) {
      expect(Object.keys(matrix[from] ?? {}).sort()).toEqual(ids.filter((id) => id !== from).sort());
    }
    const cell = cells['ap-northeast-1']?.['us-east-1'];
    expect(cell).toMatchObject({ kind: 'estimated', samples: 0, age_ms: null });
    expect(matrix['ap-northeast-1']?.['us-east-1']).toBe(cell?.rtt_ms);
  });

  it('shows what was measured in place of what was estimated', async () => {
    await using registry = await openRegistry();
    const { documents, clock } = registry;
    const to = { 'us-east-1': { p50_ms: 167.2, p95_ms: 180, samples: 12, at: '2026-02-20T10:30:00.000Z' } };
    const value = { from: 'ap-northeast-1', to, coordinate: null };
    await documents.write([{ kind: 'latency', id: 'ap-northeast-1', expected: 0, value }]);
    await clock.advance(2_000);
    const { matrix, cells } = await matrixOf(registry);
    expect(matrix['ap-northeast-1']?.['us-east-1']).toBe(167.2);
    expect(cells['us-east-1']?.['ap-northeast-1']).toMatchObject({
      kind: 'measured',
      samples: 12,
      age_ms: 2_000,
    });
    expect((await matrixOf(registry, '?layer=measured')).matrix['eu-west-1']).toEqual({});
  });

  it('shows one layer, some rows, and no cells, where that is asked for', async () => {
    await using registry = await openRegistry();
    const floor = await matrixOf(registry, '?layer=floor&from=us-east-1,eu-west-1,us-east-1');
    expect(floor.layer).toBe('floor');
    expect(Object.keys(floor.matrix).sort()).toEqual(['eu-west-1', 'us-east-1']);
    expect(floor.cells['us-east-1']?.['eu-west-1']).toMatchObject({ kind: 'floor' });
    const bare = await matrixOf(registry, '?cells=false');
    expect(bare.cells).toEqual({});
    expect(Object.keys(bare.matrix)).toHaveLength(5);
  });

  it('of more than 100 regions has cells in chosen rows only', async () => {
    await using registry = await registryOf(101);
    expect((await matrixOf(registry)).cells).toEqual({});
    expect(Object.keys((await matrixOf(registry, '?from=r7')).cells['r7'] ?? {})).toHaveLength(100);
    expect((await matrixOf(registry, '?from=r7&cells=false')).cells).toEqual({});
    expect(await registry.ask('GET', `${path}?cells=true`)).toMatchObject({
      status: 422,
      problem: { code: 'invalid_request', errors: [{ pointer: '#/cells' }] },
    });
  });

  it('lets others be answered while it is computed and sent, and stops when nobody waits for it', async () => {
    await using registry = await registryOf(250);
    const logged: unknown[] = [];
    const log = { ...silentLog(), error: (...what: unknown[]) => void logged.push(what) };
    await using app = await buildApp({ ...registry.components, log } as never);
    const url = await app.listen({ host: '127.0.0.1', port: 0 });

    const given = request(`${url}${path}`).end();
    const left = once(given, 'error');
    app.server.once('request', () => setImmediate(() => given.destroy()));
    await left;

    const order: string[] = [];
    const matrix = fetch(`${url}${path}`).then(async (answer) => {
      const { matrix: rows } = (await answer.json()) as LatencyMatrix;
      order.push('matrix');
      expect(Object.keys(rows)).toHaveLength(250);
    });
    const alive = fetch(`${url}/healthz`).then(() => order.push('alive'));
    await Promise.all([matrix, alive]);
    expect(order).toEqual(['alive', 'matrix']);
    expect(logged).toEqual([]);
  });
});

describe('a replication group', () => {
  it('holds the nearest regions with their round trips, nearest first', async () => {
    await using registry = await openRegistry();
    const { ask } = registry;
    const { matrix } = await matrixOf(registry);
    const row = matrix['ap-northeast-1'] ?? {};
    const nearest = Object.entries(row).sort(([, a], [, b]) => a - b);
    const group = await ask('GET', '/api/geo/replication-group/ap-northeast-1');
    expect(replicationGroupSchema.parse(group.body)).toEqual({
      source_region: 'ap-northeast-1',
      replication_targets: nearest.slice(0, 2).map(([id]) => id),
      latencies_ms: Object.fromEntries(nearest.slice(0, 2)),
    });
    const all = await ask('GET', '/api/geo/replication-group/ap-northeast-1?size=100');
    expect(all.body).toMatchObject({ replication_targets: nearest.map(([id]) => id) });
  });

  it('leaves out what is not up', async () => {
    await using registry = await openRegistry();
    const { ask, documents } = registry;
    const verdict = { reason: null, since: '2026-02-20T10:30:00.000Z', quarantined: false, observers: [] };
    await documents.write([
      { kind: 'region-verdict', id: 'us-west-2', expected: 0, value: { ...verdict, status: 'degraded' } },
      { kind: 'region-verdict', id: 'us-east-1', expected: 0, value: { ...verdict, status: 'offline' } },
      { kind: 'region-verdict', id: 'eu-west-1', expected: 0, value: { ...verdict, status: 'unknown' } },
    ]);
    await ask('PATCH', '/api/geo/regions/ap-southeast-1', { maintenance: true });
    const { body } = await ask('GET', '/api/geo/replication-group/ap-northeast-1?size=5');
    expect(body).toMatchObject({ replication_targets: ['us-west-2'] });
  });
});
