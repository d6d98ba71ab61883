import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildApp } from '../app.ts';
import { openRegistry, type Registry } from '../fixtures/registry.ts';

const osaka = { region_id: 'ap-northeast-3', location: { lat: 34.69, lon: 135.5 } };
const node = { node_id: 'second', region_id: 'eu-west-1', endpoint: '127.0.0.1:8000' };
const probe = (type: string, input: object) => ({ ...node, probe: { type, input } });
const here = { from_region: 'ap-northeast-1' };
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
const parts = (request: string) => request.split(' ') as [Method, string];

/** What is asked, and the code of the answer with the place that it points at. */
const badInput: [what: string, request: string, body: unknown, answer: string][] = [
  ['an unknown region', 'GET /api/geo/regions/atlantis', undefined, '404 unknown_region'],
  ['an id that can be none', 'GET /api/geo/regions/a%20b.c', undefined, '404 unknown_region'],
  ['changing an unknown region', 'PATCH /api/geo/regions/atlantis', {}, '404 unknown_region'],
  ['deleting an unknown region', 'DELETE /api/geo/regions/atlantis', undefined, '404 unknown_region'],
  ['a region twice', 'POST /api/geo/regions', { ...osaka, region_id: 'us-east-1' }, '409 already_exists'],
  ['a latitude out of range', 'POST /api/geo/regions', at(91, 0), '422 invalid_request #/location/lat'],
  ['a longitude out of range', 'POST /api/geo/regions', at(0, -181), '422 invalid_request #/location/lon'],
  ['a latitude that is text', 'POST /api/geo/regions', at('1', 0), '422 invalid_request #/location/lat'],
  [
    'a move out of range',
    'PATCH /api/geo/regions/us-east-1',
    at(0, 181),
    '422 invalid_request #/location/lon',
  ],
  ['a region without a place', 'POST /api/geo/regions', { region_id: 'x' }, '422 invalid_request #/location'],
  ['a region id with a dot', 'POST /api/geo/regions', id('a.b'), '422 invalid_request #/region_id'],
  ['a region id with a capital', 'POST /api/geo/regions', id('Osaka'), '422 invalid_request #/region_id'],
  ['a region id that means more', 'POST /api/geo/regions', id('active'), '422 invalid_request #/region_id'],
  [
    'a priority below 1',
    'POST /api/geo/regions',
    { ...osaka, priority: 0 },
    '422 invalid_request #/priority',
  ],
  ['a field that is none', 'POST /api/geo/regions', { ...osaka, colour: 'red' }, '422 invalid_request'],
  ['deleting a region in use', 'DELETE /api/geo/regions/us-west-2', undefined, '409 region_in_use'],
  ['deleting the active region', 'DELETE /api/geo/regions/ap-northeast-1', undefined, '409 region_in_use'],

  ['an unknown node', 'GET /api/geo/nodes/nobody', undefined, '404 unknown_node'],
  ['changing an unknown node', 'PATCH /api/geo/nodes/nobody', {}, '404 unknown_node'],
  ['deleting an unknown node', 'DELETE /api/geo/nodes/nobody', undefined, '404 unknown_node'],
  ['results of an unknown node', 'GET /api/geo/nodes/nobody/results', undefined, '404 unknown_node'],
  [
    'results beyond what is kept',
    'GET /api/geo/nodes/first/results?limit=101',
    undefined,
    '422 invalid_request #/limit',
  ],
  ['nodes of an unknown region', 'GET /api/geo/nodes?region_id=atlantis', undefined, '404 unknown_region'],
  ['a status that is none', 'GET /api/geo/nodes?status=dead', undefined, '422 invalid_request #/status'],
  ['a filter that is none', 'GET /api/geo/nodes?region=eu-west-1', undefined, '422 invalid_request'],
  ['a node nowhere', 'POST /api/geo/nodes', { ...node, region_id: 'atlantis' }, '404 unknown_region'],
  ['a node twice', 'POST /api/geo/nodes', { ...node, node_id: 'first' }, '409 already_exists'],
  ['an endpoint without a port', 'POST /api/geo/nodes', to('10.0.1.100'), '422 invalid_request #/endpoint'],
  ['a port too high', 'POST /api/geo/nodes', to('localhost:65536'), '422 invalid_request #/endpoint'],
  ['an address that is none', 'POST /api/geo/nodes', to('127.0.0.256:80'), '422 invalid_request #/endpoint'],
  ['a URL that is none', 'POST /api/geo/nodes', to('http://'), '422 invalid_request #/endpoint'],
  [
    'another protocol',
    'PATCH /api/geo/nodes/first',
    { endpoint: 'ftp://a/b' },
    '422 invalid_request #/endpoint',
  ],
  [
    'a node type that is none',
    'POST /api/geo/nodes',
    { ...node, node_type: 'oven' },
    '422 invalid_request #/node_type',
  ],
  [
    'a node id with a slash',
    'POST /api/geo/nodes',
    { ...node, node_id: 'a/b' },
    '422 invalid_request #/node_id',
  ],
  ['a probe that nobody runs', 'POST /api/geo/nodes', probe('prod', {}), '404 unknown_type #/probe/type'],
  [
    'an input of another type',
    'POST /api/geo/nodes',
    probe('echo', { text: 1 }),
    '422 invalid_input #/probe/input/text',
  ],
  [
    'an input that is missing',
    'PATCH /api/geo/nodes/first',
    { probe: { input: {} } },
    '422 invalid_input #/probe/input/url',
  ],

  ['a failover from nowhere', 'POST /api/geo/failover', {}, '422 invalid_request #/from_region'],
  [
    'a failover from an unknown region',
    'POST /api/geo/failover',
    { from_region: 'atlantis' },
    '404 unknown_region',
  ],
  [
    'a failover to an unknown region',
    'POST /api/geo/failover',
    { ...here, to_region: 'x' },
    '404 unknown_region',
  ],
  [
    'a failover to itself',
    'POST /api/geo/failover',
    { ...here, to_region: here.from_region },
    '409 failover_refused',
  ],
  [
    'a failover to maintenance',
    'POST /api/geo/failover',
    { ...here, to_region: 'eu-west-1' },
    '409 failover_refused',
  ],
  ['a history of nothing', 'GET /api/geo/failover/history?limit=0', undefined, '422 invalid_request #/limit'],
  [
    'a history too long',
    'GET /api/geo/failover/history?limit=1001',
    undefined,
    '422 invalid_request #/limit',
  ],
  ['activating an unknown region', 'PUT /api/geo/active-region', { region_id: 'x' }, '404 unknown_region'],
  ['activating nothing', 'PUT /api/geo/active-region', {}, '422 invalid_request #/region_id'],

  [
    'a layer that is none',
    'GET /api/geo/latency-matrix?layer=best',
    undefined,
    '422 invalid_request #/layer',
  ],
  [
    'rows of unknown regions',
    'GET /api/geo/latency-matrix?from=us-east-1,x',
    undefined,
    '404 unknown_region',
  ],
  [
    'a group of an unknown region',
    'GET /api/geo/replication-group/atlantis',
    undefined,
    '404 unknown_region',
  ],
  [
    'a group of none',
    'GET /api/geo/replication-group/us-east-1?size=0',
    undefined,
    '422 invalid_request #/size',
  ],
];

function at(lat: unknown, lon: unknown) {
  return { region_id: 'x', location: { lat, lon } };
}

function id(region_id: string) {
  return { ...osaka, region_id };
}

function to(endpoint: string) {
  return { ...node, endpoint };
}

describe('bad input', () => {
  // One for all: that nothing changes is what each of them shows.
  let registry: Registry;
  beforeAll(async () => {
    registry = await openRegistry();
    await registry.ask('POST', '/api/geo/nodes', { ...node, node_id: 'first', region_id: 'us-west-2' });
    await registry.ask('PATCH', '/api/geo/regions/eu-west-1', { maintenance: true });
  });
  afterAll(() => registry[Symbol.asyncDispose]());

  it.each(badInput)(
    '%s (%s) is a problem with its reason, and changes nothing',
    async (_, request, body, answer) => {
      const before = await registry.standing();
      const { status, headers, problem } = await registry.ask(...parts(request), body);
      const [code, name, pointer] = answer.split(' ');
      expect(headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(`${status} ${problem.code}`).toBe(`${code} ${name}`);
      expect(problem).toMatchObject({
        status,
        detail: expect.any(String) as string,
        instance: parts(request)[1],
      });
      if (pointer) expect(problem.errors?.map((error) => error.pointer)).toContain(pointer);
      expect(await registry.standing()).toEqual(before);
    },
  );

  it('says which regions there are, where the named one is not', async () => {
    const requests = ['GET /api/geo/regions/x', 'GET /api/geo/nodes?region_id=x', 'PATCH /api/geo/regions/x'];
    for (const request of requests) {
      const body = request.startsWith('PATCH') ? {} : undefined;
      const { problem } = await registry.ask(...parts(request), body);
      expect(problem.hint).toContain('ap-northeast-1, us-east-1, us-west-2, eu-west-1, ap-southeast-1');
    }
  });

  it('says what a region is used for that is to be deleted', async () => {
    const used = await registry.ask('DELETE', '/api/geo/regions/us-west-2');
    expect(used.problem.detail).toBe('the region us-west-2 has 1 node: first');
    const active = await registry.ask('DELETE', '/api/geo/regions/ap-northeast-1');
    expect(active.problem.detail).toBe('the region ap-northeast-1 is the active one');
  });
});

describe('a failover during the cool-down', () => {
  it('is refused with the time to wait, and changes nothing', async () => {
    await using registry = await openRegistry();
    const { ask } = registry;
    await ask('POST', '/api/geo/failover', { ...here, to_region: 'us-west-2' });
    const before = await registry.standing();
    const again = await ask('POST', '/api/geo/failover', {
      from_region: 'us-west-2',
      to_region: 'us-east-1',
    });
    expect(again).toMatchObject({
      status: 409,
      problem: { code: 'failover_cooldown', retry_after_ms: 300_000 },
    });
    expect(again.headers['retry-after']).toBe('300');
    expect(await registry.standing()).toEqual(before);
  });
});

describe('a store that has not been read yet', () => {
  it('is answered with 503 on every route that shows or changes what stands in it', async () => {
    await using registry = await openRegistry();
    const documents = { ...registry.documents, loaded: false };
    await using app = await buildApp({ ...registry.components, documents });
    const requests = [
      'GET /api/geo/status',
      'GET /api/geo/regions',
      'GET /api/geo/regions/us-east-1',
      'DELETE /api/geo/regions/us-east-1',
      'GET /api/geo/nodes',
      'GET /api/geo/nodes/first',
      'GET /api/geo/nodes/first/results',
      'GET /api/geo/failover/history',
      'GET /api/geo/active-region',
      'GET /api/geo/latency-matrix',
      'GET /api/geo/replication-group/us-east-1',
      'GET /api/geo/export',
      'GET /api/v1/schedules',
      'GET /api/v1/schedules/one',
      'GET /api/v1/policies',
      'GET /api/v1/policies/auto-failover',
    ];
    for (const request of requests) {
      const [method, url] = parts(request);
      const answer = await app.inject({ method, url });
      expect(`${request} ${answer.statusCode}`).toBe(`${request} 503`);
      expect(answer.json()).toMatchObject({ code: 'store_unavailable', retryable: true });
    }
  });
});
