import { emptyFleet, type FleetView, withPresence } from '@tenma/fleet';
import { type Json, observePrincipal, type Presence, submissionSchema } from '@tenma/protocol';
import { silentLog } from '@tenma/runtime';
import { until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import type { Changed } from '../ledger.ts';
import { after, finished, queued, specForTest } from '../lifecycle/fixture.ts';
import type { GeoSettings } from '../geo/settings.ts';
import {
  isoAt,
  node,
  openDocuments,
  region,
  settings,
  startMs,
  verdict,
} from './fixtures/region-documents.ts';
import { startLatencyRounds } from './latency-rounds.ts';
import type { Recurring, Scheduler } from './scheduler.ts';

function wee(wee_id: string, at: string, { echo = null as string | null, probes = true } = {}): Presence {
  const served = { version: '1.0.0', labels: [], queue: `q-${at}`, slots: 4, running: 0, held: 0 };
  const type = probes ? 'latency-probe' : 'echo';
  return {
    wee_id,
    boot_id: 'boot-1',
    region: at,
    status: 'online',
    labels: [],
    version: '1.0.0',
    since: isoAt(startMs),
    pools: [{ pool: `${type}-v1`, type, ...served }],
    types: [],
    echo,
  };
}

interface Target {
  readonly region_id: string;
  readonly endpoint: string;
  readonly method: string;
}

const places = {
  tokyo: region('tokyo', { location: { lat: 35.7, lon: 139.7 } }),
  dublin: region('dublin', { location: { lat: 53.3, lon: -6.3 } }),
  oregon: region('oregon', { location: { lat: 45.5, lon: -122.7 } }),
};

async function open(presences: readonly Presence[], changes: Partial<GeoSettings> = {}) {
  const parts = new AsyncDisposableStack();
  const at = parts.use(await openDocuments());
  await at.write(...Object.values(places));
  const all = new Map<string, Recurring>();
  const scheduler: Scheduler = {
    set: (recurring) => void all.set(recurring.id, recurring),
    remove: (id) => void all.delete(id),
    once() {},
    async [Symbol.asyncDispose]() {},
  };
  const fleet = { view: presences.reduce<FleetView>((view, one) => withPresence(view, one, 0), emptyFleet) };
  const { clock } = at;
  const start = (documents = at.documents) => {
    const base = {
      documents,
      settings: { ...settings, ...changes },
      scheduler,
      fleet,
      clock,
      log: silentLog(),
    };
    return parts.use(startLatencyRounds(base));
  };
  /** What a region measures in its round number `round` from now. */
  const tasksOf = (from: string, round = 0) => {
    const recurring = all.get(`latency:${from}`);
    let slot = recurring?.slotAfter(startMs) ?? 0;
    for (let n = 0; n < round; n += 1) slot = recurring?.slotAfter(slot) ?? 0;
    return (recurring?.tasksFor(slot) ?? []).map((task) => submissionSchema.parse(task));
  };
  const targetsOf = (from: string, round = 0) =>
    tasksOf(from, round).flatMap(({ input }) => (input as unknown as { targets: Target[] }).targets);
  const close = () => parts.disposeAsync();
  return { ...at, all, fleet, start, tasksOf, targetsOf, [Symbol.asyncDispose]: close };
}

/** Every pair that is measured, whichever end measures it. */
function pairs(at: { targetsOf(from: string): Target[] }): string[] {
  return Object.keys(places)
    .flatMap((from) => at.targetsOf(from).map(({ region_id: to }) => [from, to].sort().join(' ')))
    .sort();
}

const allPairs = ['dublin oregon', 'dublin tokyo', 'oregon tokyo'];

describe('who measures whom', () => {
  it('is: the workers of a region, the echoes of others, each pair from one end', async () => {
    await using at = await open([
      wee('a', 'tokyo', { echo: '127.0.0.1:7001' }),
      wee('b', 'dublin', { echo: '127.0.0.1:7002' }),
      wee('c', 'oregon', { echo: '127.0.0.1:7003' }),
    ]);
    at.start();
    expect(pairs(at)).toEqual(allPairs);
    const targets = Object.keys(places).flatMap((from) => at.targetsOf(from));
    expect(new Set(targets.map(({ method }) => method))).toEqual(new Set(['echo']));
    const echoOf: Record<string, string> = { tokyo: '7001', dublin: '7002', oregon: '7003' };
    for (const { region_id: to, endpoint } of targets) expect(endpoint).toBe(`127.0.0.1:${echoOf[to]}`);
  });

  it('is turned round where one end cannot measure', async () => {
    await using at = await open([
      wee('a', 'tokyo', { echo: '127.0.0.1:7001' }),
      wee('b', 'dublin', { echo: '127.0.0.1:7002', probes: false }),
      wee('c', 'oregon', { echo: null }),
    ]);
    at.start();
    expect(pairs(at)).toEqual(allPairs);
    expect(at.tasksOf('dublin')).toEqual([]);
    expect(at.targetsOf('oregon').map(({ region_id: to }) => to)).toEqual(['dublin', 'tokyo']);
  });

  it('falls back on nodes at host:port, and leaves out those that are offline or have a URL', async () => {
    await using at = await open([wee('a', 'tokyo', { echo: '127.0.0.1:7001' })]);
    await at.write(
      node('dead', 'dublin', { endpoint: '127.0.0.1:9001' }),
      node('url', 'dublin', { endpoint: 'http://127.0.0.1:9002/' }),
      node('live', 'dublin', { endpoint: '127.0.0.1:9003' }),
      verdict('node-verdict', 'dead', 'offline'),
    );
    at.start();
    expect(at.targetsOf('tokyo')).toEqual([
      { region_id: 'dublin', endpoint: '127.0.0.1:9003', method: 'connect' },
    ]);
  });

  it('takes the echoes of a region in turns, two a round', async () => {
    const echoes = [1, 2, 3, 4, 5].map((n) =>
      wee(`d${n}`, 'dublin', { echo: `127.0.0.1:700${n}`, probes: false }),
    );
    await using at = await open([wee('a', 'tokyo'), ...echoes]);
    at.start();
    const rounds = [0, 1, 2, 3, 4].map((round) =>
      at.targetsOf('tokyo', round).map(({ endpoint }) => endpoint),
    );
    expect(rounds.every((one) => one.length === 2 && one[0] !== one[1])).toBe(true);
    expect(new Set(rounds.flat()).size).toBe(5);
  });

  it('changes as WEEs come and go, within a second', async () => {
    await using at = await open([wee('a', 'tokyo')]);
    at.start();
    expect(at.tasksOf('tokyo')).toEqual([]);
    at.fleet.view = withPresence(at.fleet.view, wee('b', 'dublin', { echo: '127.0.0.1:7002' }), 0);
    await at.clock.advance(1_001);
    expect(at.targetsOf('tokyo').map(({ region_id: to }) => to)).toEqual(['dublin']);
  });

  it('is not spoilt by an echo that is no address', async () => {
    await using at = await open([
      wee('a', 'tokyo'),
      wee('b', 'dublin', { echo: 'somewhere' }),
      wee('c', 'oregon', { echo: '127.0.0.1:7003' }),
    ]);
    at.start();
    expect(at.targetsOf('tokyo').map(({ region_id: to }) => to)).toEqual(['oregon']);
  });
});

describe('a round', () => {
  it('is one attempt in its region, which ends with its slot and is made once', async () => {
    await using at = await open([wee('a', 'tokyo'), wee('b', 'dublin', { echo: '127.0.0.1:7002' })]);
    at.start();
    const recurring = at.all.get('latency:tokyo');
    const slot = recurring?.slotAfter(startMs) ?? 0;
    expect(slot - startMs).toBeLessThanOrEqual(60_000);
    expect(recurring?.slotAfter(slot)).toBe(slot + 60_000);
    expect(recurring?.principal).toBe(observePrincipal);
    expect(at.tasksOf('tokyo')[0]).toMatchObject({
      type: 'latency-probe',
      region: 'tokyo',
      labels: { 'tenma-latency': 'tokyo' },
      retry: { max_attempts: 1 },
      deadline: isoAt(slot + 60_000),
      idempotency_key: `latency:tokyo:${isoAt(slot)}`,
    });
    expect(at.tasksOf('tokyo')).toEqual(at.tasksOf('tokyo'));
  });

  it('goes with its region, and there is none with regions switched off', async () => {
    await using at = await open([]);
    at.start();
    expect([...at.all.keys()].sort()).toEqual(['latency:dublin', 'latency:oregon', 'latency:tokyo']);
    await at.write({ kind: 'region', id: 'oregon', value: null });
    expect(at.all.size).toBe(2);
    await using off = await open([], { enabled: false });
    off.start();
    expect(off.all.size).toBe(0);
  });
});

describe('what a round has measured', () => {
  const result = (region_id: string, samples_ms: number[]) => ({
    region_id,
    endpoint: '127.0.0.1:7002',
    method: 'echo',
    samples_ms,
    lost: 0,
    p50_ms: 1,
    reason: null,
  });
  const output = (...results: ReturnType<typeof result>[]): Json => ({ from: 'tokyo', results });

  function ended(written: Json, spec = {}): Changed {
    const whole = specForTest({
      type: 'latency-probe',
      region: 'tokyo',
      principal: observePrincipal,
      labels: { 'tenma-latency': 'tokyo' },
      createdAt: startMs,
      ...spec,
    });
    const at = startMs + 30;
    const before = after([queued({ at })], whole);
    return { before, after: after([queued({ at }), finished({ at })], whole), output: written };
  }

  it('becomes part of the vector of its region, samples of one peer together', async () => {
    await using at = await open([]);
    const rounds = at.start();
    rounds.onChange([
      ended(output(result('dublin', [240, 250]), result('dublin', [260]), result('oregon', [110]))),
    ]);
    await until(() => at.documents.get('latency', 'tokyo') !== undefined);
    const { from, to, coordinate } = at.documents.get('latency', 'tokyo')?.value ?? {};
    expect(from).toBe('tokyo');
    // By LE's clock: that of the WEE was a little ahead.
    expect(to?.['dublin']).toMatchObject({ p50_ms: 250, samples: 3, at: isoAt(startMs) });
    expect(to?.['oregon']).toMatchObject({ p50_ms: 110, samples: 1 });
    expect(coordinate).not.toBeNull();
  });

  it('is kept from two replicas that write at the same moment', async () => {
    await using at = await open([]);
    const [here, there] = [at.start(), at.start(at.elsewhere)];
    here.onChange([ended(output(result('dublin', [250])))]);
    there.onChange([ended(output(result('oregon', [110])))]);
    await until(async () => {
      await at.documents.refresh();
      return Object.keys(at.documents.get('latency', 'tokyo')?.value.to ?? {}).length === 2;
    });
  });

  it.each([
    ['of somebody else', ended(output(result('dublin', [250])), { principal: 'somebody' })],
    ['without its label', ended(output(result('dublin', [250])), { labels: {} })],
    [
      'of a region that is gone',
      ended(output(result('dublin', [250])), { labels: { 'tenma-latency': 'oslo' } }),
    ],
    ['without samples', ended(output(result('dublin', [])))],
    ['in another shape', ended({ results: 'none' })],
    ['that had ended before', { ...ended(output(result('dublin', [250]))), before: ended(null).after }],
  ])('is left alone: a task %s', async (_, changed) => {
    await using at = await open([]);
    const rounds = at.start();
    rounds.onChange([changed]);
    rounds.onChange([
      ended(
        { from: 'dublin', results: [result('oregon', [130])] },
        { labels: { 'tenma-latency': 'dublin' } },
      ),
    ]);
    await until(() => at.documents.get('latency', 'dublin') !== undefined);
    expect([...at.documents.all('latency').keys()]).toEqual(['dublin']);
  });
});
