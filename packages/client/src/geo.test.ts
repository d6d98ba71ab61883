import { type LatencyCell, problem } from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import { createClient } from './index.ts';
import { sendJson, sendProblem, startFakeLe } from './testing/index.ts';

const osaka = { region_id: 'osaka', location: { lat: 34.69, lon: 135.5 } };
const web = { node_id: 'web-1', region_id: 'oregon', endpoint: '127.0.0.1:8000' };
const quick = { random: () => 0 };
const lastPath = (le: { requests: readonly { path: string }[] }) => le.requests.at(-1)?.path;

function cell(rtt_ms: number, kind: LatencyCell['kind']): LatencyCell {
  return { rtt_ms, p50_ms: rtt_ms, p95_ms: rtt_ms, kind, samples: 0, age_ms: null, error_ms: null };
}

describe('the registry', () => {
  it('adds, shows, changes, lists and removes regions', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    expect(await client.geo.addRegion(osaka)).toMatchObject({ display_name: 'osaka', priority: 100 });
    expect(await client.geo.updateRegion('osaka', { maintenance: true })).toMatchObject({
      status: 'maintenance',
    });
    expect(await client.geo.getRegion('osaka')).toMatchObject(osaka);
    expect((await client.geo.listRegions()).map((region) => region.region_id)).toContain('osaka');
    expect(await client.geo.removeRegion('osaka')).toBeUndefined();
    await expect(client.geo.getRegion('osaka')).rejects.toMatchObject({
      code: 'unknown_region',
      status: 404,
    });
  });

  it('does the same with nodes, and filters them', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    await client.geo.registerNode(web);
    await client.geo.registerNode({ ...web, node_id: 'gpu', region_id: 'tokyo', node_type: 'gpu' });
    expect(await client.geo.updateNode('gpu', { labels: { rack: '7' } })).toMatchObject({ node_type: 'gpu' });
    expect(await client.geo.getNode('gpu')).toMatchObject({ labels: { rack: '7' } });
    expect(await client.geo.listNodes()).toHaveLength(2);
    le.geo.nodes.change('gpu', { status: 'offline' });
    await expect(client.geo.listNodes({ region_id: 'mars' })).rejects.toMatchObject({
      code: 'unknown_region',
    });
    const found = await client.geo.listNodes({ region_id: 'tokyo', status: 'offline' });
    expect(found.map(({ node_id }) => node_id)).toEqual(['gpu']);
    expect(await client.geo.listNodes({ limit: 1 })).toMatchObject([web]);
    expect(lastPath(le)).toBe('/api/geo/nodes?limit=1');
    await client.geo.deregisterNode('gpu');
    await expect(client.geo.deregisterNode('gpu')).rejects.toMatchObject({ code: 'unknown_node' });
  });

  it('tells what is refused, and why', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    await client.geo.registerNode(web);
    await expect(client.geo.registerNode(web)).rejects.toMatchObject({ code: 'already_exists', status: 409 });
    await expect(client.geo.registerNode({ ...web, node_id: 'b', region_id: 'mars' })).rejects.toMatchObject({
      code: 'unknown_region',
    });
    await expect(client.geo.removeRegion('oregon')).rejects.toMatchObject({ code: 'region_in_use' });
    await expect(client.geo.removeRegion('tokyo')).rejects.toMatchObject({ code: 'region_in_use' });
    const wrong = { ...osaka, location: { lat: 91, lon: 0 } };
    await expect(client.geo.addRegion(wrong)).rejects.toMatchObject({
      code: 'invalid_request',
      problem: { errors: [{ pointer: '#/location/lat' }] },
    });
  });

  it('counts, and says how its nodes were seen', async () => {
    await using le = await startFakeLe({ geo: { nodes: [web] } });
    await using client = createClient({ url: le.url });
    expect(await client.geo.status()).toMatchObject({
      active_region: 'tokyo',
      total_nodes: 1,
      regions: { oregon: { node_count: 1, online_nodes: 1 } },
    });
    const seen = { node_id: 'web-1', observer: 'tokyo', outcome: 'up', at: 1, round_trip_ms: 2 } as const;
    const task_id = '01990b4c-6f2a-7cc3-9d5e-0f6d2f1a7b10';
    le.geo.results.set('web-1', [{ ...seen, reason: null, task_id }]);
    expect(await client.geo.nodeResults('web-1', { limit: 5 })).toMatchObject([seen]);
    expect(lastPath(le)).toBe('/api/geo/nodes/web-1/results?limit=5');
  });

  it('moves from one LE to another as a document', async () => {
    await using from = await startFakeLe({
      geo: { regions: [osaka], nodes: [{ ...web, region_id: 'osaka' }] },
    });
    await using to = await startFakeLe();
    await using source = createClient({ url: from.url });
    await using target = createClient({ url: to.url });
    const document = await source.geo.exportDocument();
    expect(await target.geo.importDocument(document)).toEqual({
      regions: 1,
      nodes: 1,
      active_region: 'osaka',
    });
    expect(await target.geo.getNode('web-1')).toMatchObject({ region_id: 'osaka' });
    expect((await target.geo.listRegions()).map(({ region_id }) => region_id)).toEqual(['osaka']);
  });

  it('reads what a newer LE adds without minding it', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    const region = le.geo.regions.view('tokyo');
    le.play((_request, response) => sendJson(response, 200, { ...region, moons: 1 }));
    expect(await client.geo.getRegion('tokyo')).toEqual(region);
  });
});

describe('latency', () => {
  const effective = {
    tokyo: { oregon: cell(97, 'measured'), osaka: cell(9, 'estimated') },
    oregon: { tokyo: cell(97, 'measured') },
  };

  it('is a matrix of round trips, by layer and origin, with what each rests on', async () => {
    await using le = await startFakeLe({ geo: { latency: { effective } } });
    await using client = createClient({ url: le.url });
    const matrix = await client.geo.getLatencyMatrix({ from: ['tokyo'] });
    expect(matrix.matrix).toEqual({ tokyo: { oregon: 97, osaka: 9 } });
    expect(matrix.cells['tokyo']?.['oregon']).toMatchObject({ kind: 'measured' });
    expect((await client.geo.getLatencyMatrix({ layer: 'floor', cells: false })).matrix).toEqual({});
    expect(lastPath(le)).toBe('/api/geo/latency-matrix?layer=floor&cells=false');
  });

  it('chooses whom to replicate to', async () => {
    await using le = await startFakeLe({ geo: { latency: { effective } } });
    await using client = createClient({ url: le.url });
    expect(await client.geo.getReplicationGroup('tokyo', { size: 1 })).toEqual({
      source_region: 'tokyo',
      replication_targets: ['osaka'],
      latencies_ms: { osaka: 9 },
    });
    await expect(client.geo.getReplicationGroup('mars')).rejects.toMatchObject({ code: 'unknown_region' });
  });
});

describe('the active region', () => {
  it('is moved by hand, and by a failover, each time with a new epoch', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    expect(await client.geo.setActiveRegion('oregon')).toMatchObject({ region_id: 'oregon', epoch: 2 });
    const order = { from_region: 'oregon', reason: 'flood' };
    const plan = await client.geo.triggerFailover({ ...order, dry_run: true });
    expect(plan).toMatchObject({ status: 'failover_planned', event: { to_region: 'tokyo', epoch: 2 } });
    expect(await client.geo.getActiveRegion()).toMatchObject({ region_id: 'oregon' });
    const done = await client.geo.triggerFailover(order);
    expect(done).toMatchObject({ status: 'failover_executed', event: { to_region: 'tokyo', epoch: 3 } });
    expect(await client.geo.failoverHistory({ limit: 1 })).toEqual([done.event]);
  });

  it('does not move when LE refuses', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    le.geo.regions.change('oregon', { status: 'offline' });
    const refused = { code: 'failover_refused', status: 409 };
    await expect(client.geo.triggerFailover({ from_region: 'tokyo' })).rejects.toMatchObject(refused);
    await expect(client.geo.triggerFailover({ from_region: 'oregon' })).rejects.toMatchObject(refused);
    await expect(
      client.geo.triggerFailover({ from_region: 'tokyo', to_region: 'tokyo' }),
    ).rejects.toMatchObject(refused);
    await expect(client.geo.setActiveRegion('oregon')).rejects.toMatchObject(refused);
    expect(await client.geo.getActiveRegion()).toMatchObject({ epoch: 1 });
  });
});

describe('a change whose answer is lost', () => {
  const moves = {
    triggerFailover: (client: ReturnType<typeof createClient>) =>
      client.geo.triggerFailover({ from_region: 'tokyo' }),
    setActiveRegion: (client: ReturnType<typeof createClient>) => client.geo.setActiveRegion('oregon'),
  };

  it.each(Object.keys(moves) as (keyof typeof moves)[])(
    'is not made again when it moves `active` (%s), nor after a 503',
    async (verb) => {
      await using le = await startFakeLe();
      await using client = createClient({ url: le.url, ...quick });
      const stop = le.play((_request, response) => Boolean(response.destroy()));
      await expect(moves[verb](client)).rejects.toMatchObject({ code: 'unreachable' });
      stop();
      le.play((_request, response) => sendProblem(response, problem('store_unavailable')));
      await expect(moves[verb](client)).rejects.toMatchObject({ code: 'store_unavailable' });
      expect(le.requests).toHaveLength(2);
    },
  );

  it('is asked for again when it changes nothing, or the same once more', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url, ...quick });
    let lost = 0;
    le.play(
      (_request, response) => le.requests.length % 2 === 1 && (lost += 1) > 0 && Boolean(response.destroy()),
    );
    await client.geo.triggerFailover({ from_region: 'tokyo', dry_run: true });
    await client.geo.updateRegion('tokyo', { priority: 3 });
    expect({ lost, asked: le.requests.length }).toEqual({ lost: 2, asked: 4 });
  });

  it('is made again by nobody but the caller when it makes or removes something; a refusal is waited out', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url, ...quick });
    const stop = le.play((_request, response) => Boolean(response.destroy()));
    await expect(client.geo.addRegion(osaka)).rejects.toMatchObject({ code: 'unreachable' });
    await expect(client.geo.removeRegion('oregon')).rejects.toMatchObject({ code: 'unreachable' });
    expect(le.requests).toHaveLength(2);
    stop();
    le.play(
      (_request, response) => le.requests.length === 3 && sendProblem(response, problem('store_unavailable')),
    );
    await client.geo.addRegion(osaka);
    expect(le.requests).toHaveLength(4);
  });
});

describe('schedules and policies', () => {
  const task = { type: 'probe-http', input: { url: 'http://127.0.0.1:8080' } };

  it('are kept: a schedule is paused and removed', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    const made = await client.schedules.create({ schedule_id: 'home', task, every_ms: 30_000 });
    expect(made).toMatchObject({ every_ms: 30_000, cron: null, paused: false, task: { region: 'active' } });
    expect(await client.schedules.update('home', { paused: true })).toMatchObject({ paused: true });
    expect(await client.schedules.list()).toMatchObject([{ schedule_id: 'home', paused: true }]);
    await expect(
      client.schedules.create({ schedule_id: 'both', task, every_ms: 1_000, cron: '* * * * *' }),
    ).rejects.toMatchObject({ code: 'invalid_request' });
    await client.schedules.remove('home');
    await expect(client.schedules.get('home')).rejects.toMatchObject({ code: 'unknown_schedule' });
  });

  it('are kept: a policy is switched off and removed', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    const when = { event: 'region.status', where: { status: 'offline' } } as const;
    // oxlint-disable-next-line unicorn/no-thenable -- the API's own word, and no function
    await client.policies.create({ policy_id: 'tell', when, then: task });
    expect(await client.policies.update('tell', { enabled: false })).toMatchObject({ enabled: false, when });
    expect(await client.policies.get('tell')).toMatchObject({ built_in: false });
    expect(await client.policies.list()).toHaveLength(1);
    le.policies.change('tell', { built_in: true });
    await expect(client.policies.remove('tell')).rejects.toMatchObject({ code: 'invalid_state' });
    le.policies.change('tell', { built_in: false });
    await client.policies.remove('tell');
    await expect(client.policies.remove('tell')).rejects.toMatchObject({ code: 'unknown_policy' });
  });
});
