import { type GeoDocument, geoDocumentSchema } from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import type { DocumentChange } from '../documents/document-cache.ts';
import { openRegistry } from '../http/fixtures/registry.ts';

const place = { lat: 34.69, lon: 135.5 };
const region = (region_id: string, more: object = {}) => ({ region_id, location: place, ...more });
const node = (node_id: string, region_id: string) => ({ node_id, region_id, endpoint: '127.0.0.1:8000' });
const documentOf = (more: object): GeoDocument =>
  geoDocumentSchema.parse({ version: 1, active_region: 'a', regions: [region('a')], nodes: [], ...more });

describe('the document of regions and nodes', () => {
  it('moves everything its owner has said to another Tenma', async () => {
    await using from = await openRegistry();
    await from.ask('POST', '/api/geo/regions', region('osaka', { maintenance: true, priority: 3 }));
    await from.ask('POST', '/api/geo/nodes', {
      ...node('n1', 'osaka'),
      labels: { rack: '7' },
      probe: { type: 'echo', input: { text: 'hello' }, interval_ms: 5_000 },
    });
    await from.ask('PUT', '/api/geo/active-region', { region_id: 'us-west-2' });
    const exported = await from.ask('GET', '/api/geo/export');
    expect(geoDocumentSchema.parse(exported.body)).toEqual(exported.body);

    await using to = await openRegistry();
    await to.ask('POST', '/api/geo/nodes', node('old', 'eu-west-1'));
    expect(await to.ask('POST', '/api/geo/import', exported.body)).toMatchObject({
      status: 200,
      body: { regions: 6, nodes: 1, active_region: 'us-west-2' },
    });
    expect((await to.ask('GET', '/api/geo/export')).body).toEqual(exported.body);
    expect((await to.ask('GET', '/api/geo/active-region')).body).toMatchObject({ epoch: 2 });
  });

  it('changes nothing where it says what stands there already', async () => {
    await using registry = await openRegistry();
    const { ask, clock } = registry;
    await ask('POST', '/api/geo/nodes', node('n1', 'us-east-1'));
    const before = await registry.standing();
    await clock.advance(60_000);
    const exported = await ask('GET', '/api/geo/export');
    expect(await ask('POST', '/api/geo/import', exported.body)).toMatchObject({ status: 200 });
    const byName = (all: unknown) => (all as { id: string }[]).toSorted((a, b) => (a.id < b.id ? -1 : 1));
    expect(byName(await registry.standing())).toEqual(byName(before));
  });

  it('takes the place of all there was, the active region included, with what was found out about it', async () => {
    await using registry = await openRegistry();
    const { ask, documents, store } = registry;
    await ask('POST', '/api/geo/nodes', node('old', 'ap-northeast-1'));
    await ask('POST', '/api/geo/nodes', node('moved', 'us-east-1'));
    const verdict = { status: 'offline', reason: 'dead', since: '2026-02-20T10:30:00.000Z' } as const;
    const value = { ...verdict, quarantined: false, observers: [] };
    await documents.write([
      { kind: 'node-verdict', id: 'old', expected: 0, value },
      { kind: 'node-verdict', id: 'moved', expected: 0, value },
      { kind: 'region-verdict', id: 'ap-northeast-1', expected: 0, value },
    ]);
    await store.recordObservations([{ target: 'old', at: 1, value: {} }]);
    const nodes = [node('moved', 'a'), node('new', 'b')];
    const document = documentOf({ regions: [region('a'), region('b')], nodes });
    expect(await ask('POST', '/api/geo/import', document)).toMatchObject({
      status: 200,
      body: { regions: 2, nodes: 2, active_region: 'a' },
    });
    expect([...documents.all('region').keys()].sort()).toEqual(['a', 'b']);
    expect([...documents.all('node').keys()].sort()).toEqual(['moved', 'new']);
    expect(documents.all('node-verdict').size + documents.all('region-verdict').size).toBe(0);
    expect(await store.observations('old', 1)).toEqual([]);
    expect((await ask('GET', '/api/geo/status')).body).toMatchObject({ active_region: 'a', epoch: 2 });
  });

  it('comes back as it was exported, an active region in maintenance included', async () => {
    await using registry = await openRegistry();
    const { ask } = registry;
    await ask('POST', '/api/geo/nodes', node('n1', 'ap-northeast-1'));
    await ask('PATCH', '/api/geo/regions/ap-northeast-1', { maintenance: true });
    const exported = await ask('GET', '/api/geo/export');
    await ask('PATCH', '/api/geo/regions/ap-northeast-1', { maintenance: false });
    await ask('DELETE', '/api/geo/nodes/n1');
    await ask('DELETE', '/api/geo/regions/us-east-1');
    expect(await ask('POST', '/api/geo/import', exported.body)).toMatchObject({
      status: 200,
      body: { regions: 5, nodes: 1, active_region: 'ap-northeast-1' },
    });
    expect((await ask('GET', '/api/geo/export')).body).toEqual(exported.body);
    expect((await ask('GET', '/api/geo/active-region')).body).toMatchObject({ epoch: 1 });
  });

  it('moves `active` in the very write that replaces regions and nodes', async () => {
    await using registry = await openRegistry();
    const { ask, clock, documents } = registry;
    await clock.advance(60_000);
    const told: string[][] = [];
    const note = (changes: readonly DocumentChange[]) =>
      told.push(changes.map(({ kind, id }) => `${kind}/${id}`));
    using _ = documents.onChange(note);
    told.length = 0;
    const document = documentOf({ nodes: [node('n1', 'a')] });
    expect(await ask('POST', '/api/geo/import', document)).toMatchObject({ status: 200 });
    expect(told).toHaveLength(1);
    expect(told[0]).toEqual(
      expect.arrayContaining(['region/a', 'region/ap-northeast-1', 'node/n1', 'active-region/active']),
    );
    expect(documents.get('region', 'ap-northeast-1')).toBeUndefined();
    expect(documents.get('active-region', 'active')?.value).toEqual({
      active_region: 'a',
      region_id: 'a',
      epoch: 2,
      since: '2026-02-20T10:31:00.000Z',
    });
  });

  it.each([
    ['in maintenance', true, 'online'],
    ['offline', false, 'offline'],
  ] as const)('is refused whole when it makes a region active that is %s', async (_, maintenance, status) => {
    await using registry = await openRegistry();
    const { ask, documents } = registry;
    await ask('POST', '/api/geo/nodes', node('n1', 'us-east-1'));
    const since = '2026-02-20T10:30:00.000Z';
    const value = { status, reason: null, since, quarantined: false, observers: [] };
    await documents.write([{ kind: 'region-verdict', id: 'eu-west-1', expected: 0, value }]);
    const before = await registry.standing();
    const document = documentOf({
      active_region: 'eu-west-1',
      regions: [region('eu-west-1', { maintenance })],
    });
    const answer = await ask('POST', '/api/geo/import', document);
    expect(answer).toMatchObject({ status: 409, problem: { code: 'failover_refused' } });
    expect(answer.problem.detail).toContain('eu-west-1');
    expect(await registry.standing()).toEqual(before);
  });

  it.each([
    ['a region twice', { regions: [region('a'), region('a')] }, ['#/regions/1/region_id']],
    ['a node twice', { nodes: [node('x', 'a'), node('x', 'a')] }, ['#/nodes/1/node_id']],
    ['a node whose region is missing', { nodes: [node('x', 'b')] }, ['#/nodes/0/region_id']],
    ['an active region that is missing', { active_region: 'b' }, ['#/active_region']],
    [
      'several faults',
      { active_region: 'b', nodes: [node('x', 'c')] },
      ['#/nodes/0/region_id', '#/active_region'],
    ],
    ['a version that is none', { version: 2 }, ['#/version']],
    [
      'a latitude out of range',
      { regions: [region('a', { location: { lat: 91, lon: 0 } })] },
      ['#/regions/0/location/lat'],
    ],
  ])('is refused whole with %s', async (_, fault, pointers) => {
    await using registry = await openRegistry();
    const before = await registry.standing();
    const answer = await registry.ask('POST', '/api/geo/import', { ...documentOf({}), ...fault });
    expect(answer).toMatchObject({ status: 422, problem: { code: 'invalid_request' } });
    expect(answer.problem.errors?.map(({ pointer }) => pointer)).toEqual(pointers);
    expect(await registry.standing()).toEqual(before);
  });

  it('may be as large as 16 MiB', async () => {
    await using registry = await openRegistry();
    const labels = { note: 'x'.repeat(255) };
    const nodes = Array.from({ length: 5_000 }, (_, n) => ({ ...node(`n${n}`, 'a'), labels }));
    const document = documentOf({ nodes });
    expect(Buffer.byteLength(JSON.stringify(document))).toBeGreaterThan(2 ** 20);
    expect(await registry.ask('POST', '/api/geo/import', document)).toMatchObject({ status: 200 });
    const large = { ...document, nodes: nodes.map((one) => ({ ...one, more: 'x'.repeat(4_000) })) };
    expect(await registry.ask('POST', '/api/geo/import', large)).toMatchObject({
      status: 413,
      problem: { code: 'too_large' },
    });
  });
});
