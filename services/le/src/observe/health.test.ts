import { chooseObservers } from '@tenma/geo';
import { silentLog, slotAfter, splayOf } from '@tenma/runtime';
import { until } from '@tenma/test-support';
import { describe, expect, test } from 'vitest';
import type { Write } from '../documents/document-cache.ts';
import { fakeLease } from './fixtures/fake-lease.ts';
import { type Probe, probedWorld } from './fixtures/probed-world.ts';
import {
  active,
  isoAt,
  node,
  openDocuments,
  region,
  settings,
  startMs,
  verdict,
} from './fixtures/region-documents.ts';
import { startHealth } from './health.ts';
import { startScheduler } from './scheduler.ts';

const regions = ['tokyo', 'dublin', 'oregon', 'sydney', 'paris'];
const workers = Object.fromEntries(regions.map((id) => [id, ['probe-http', 'probe-tcp']]));
const log = silentLog();

/** Five regions, tokyo the active one, workers in all of them; documents in a real store. */
async function setUp(nodes: readonly ReturnType<typeof node>[] = [node('n1', 'dublin')]) {
  const all = new AsyncDisposableStack();
  const opened = all.use(await openDocuments());
  const { clock, documents } = opened;
  await opened.write(active('tokyo'), ...regions.map((id) => region(id)), ...nodes);
  const world = probedWorld(clock);
  world.work(workers);
  const lease = fakeLease(true);

  /** The part of a replica that looks after health. */
  async function start(components: Partial<Parameters<typeof startHealth>[0]> = {}) {
    const own = all.use(new AsyncDisposableStack());
    const { intake, fleet, bus } = world;
    const scheduler = own.use(startScheduler({ intake, lease, clock, log }));
    const usual = { documents, settings, lease, scheduler, fleet, store: opened.store, bus, clock, log };
    const health = own.use(await startHealth({ ...usual, ...components }));
    return { health, [Symbol.asyncDispose]: () => own.disposeAsync() };
  }

  async function begun() {
    const replica = await start();
    await until(() => replica.health.watching > 0, { everyMs: 1, what: 'watching' });
    return replica;
  }

  const statusOf = (id: string) => documents.get('node-verdict', id)?.value.status;
  const regionStatusOf = (id: string) => documents.get('region-verdict', id)?.value.status;
  return {
    ...opened,
    world,
    lease,
    start,
    begun,
    statusOf,
    regionStatusOf,
    /** Lets time pass until it is so: what is written takes real time. */
    async passUntil(condition: () => boolean, withinMs = 120_000) {
      for (let passedMs = 0; passedMs < withinMs && !condition(); passedMs += 250) {
        await clock.advance(250);
        await opened.store.read('lease/none');
      }
      await until(condition, { everyMs: 5 });
    },
    /** The probes from now on, for a time. */
    async probesIn(ms: number): Promise<Probe[]> {
      const before = world.probes.length;
      await clock.advance(ms);
      return world.probes.slice(before);
    },
    async remove(kind: 'node' | 'region', id: string) {
      await documents.write([{ kind, id, expected: 'any', value: null } as Write]);
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

const observersOf = (nodeId: string, regionId: string, withWorkers: readonly string[] = regions) =>
  chooseObservers({ nodeId, regionId, withWorkers, count: settings.pace.observers });

const observersIn = (probes: readonly Probe[]) => [...new Set(probes.map(({ observer }) => observer))].sort();

describe('the probes of a node', () => {
  test('come from its observers, once in each slot, which are always the same', async () => {
    await using fabric = await setUp();
    await fabric.begun();
    const probes = await fabric.probesIn(90_000);
    const observers = observersOf('n1', 'dublin');
    const expected = observers.flatMap((observer) =>
      [0, 1, 2].map((n) => {
        const slot = slotAfter(startMs, 30_000, splayOf(`n1:${observer}`, 30_000)) + n * 30_000;
        return `observe:n1:${observer}:${slot}`;
      }),
    );
    expect(probes.map(({ key }) => key).sort()).toEqual(expected.sort());
    expect(observers).toHaveLength(3);
    expect(observers).not.toContain('dublin');
  });

  test('come more often in the active region, and where the owner wants it', async () => {
    const quick = node('n3', 'dublin', { probe: { interval_ms: 5_000 } });
    await using fabric = await setUp([node('n1', 'dublin'), node('n2', 'tokyo'), quick]);
    await fabric.begun();
    const counts = async () => {
      const probes = await fabric.probesIn(30_000);
      return ['n1', 'n2', 'n3'].map((id) => probes.filter((probe) => probe.node === id).length);
    };
    expect(await counts()).toEqual([3, 9, 18]);
    await fabric.write(active('dublin', 2));
    await fabric.clock.advance(30_000);
    expect(await counts()).toEqual([9, 3, 18]);
  });

  test('begin at once with a node that is new, go on in its slots, and end with the node', async () => {
    await using fabric = await setUp();
    await fabric.begun();
    await fabric.write(node('n2', 'dublin', { node_type: 'storage' }));
    const probes = await fabric.probesIn(30_000);
    expect(probes.filter((probe) => probe.node === 'n2').map(({ type }) => type)).toEqual(
      Array.from({ length: 6 }, () => 'probe-tcp'),
    );
    await fabric.passUntil(() => fabric.statusOf('n2') === 'online');
    await fabric.remove('node', 'n2');
    expect((await fabric.probesIn(60_000)).filter((probe) => probe.node === 'n2')).toEqual([]);
    await fabric.passUntil(() => fabric.statusOf('n2') === undefined);
    const late = { outcome: 'down', round_trip_ms: null, reason: null, task_id: '' } as const;
    const at = fabric.clock.now();
    fabric.world.tell([{ ...late, node_id: 'n2', observer: 'paris', at }]);
    await fabric.clock.advance(60_000);
    expect(fabric.statusOf('n2')).toBeUndefined();
  });

  test('come from others when an observer has no workers any more, or its region is not registered', async () => {
    await using fabric = await setUp();
    fabric.world.work({ ...workers, nowhere: ['probe-http'] });
    await fabric.begun();
    const first = observersOf('n1', 'dublin');
    expect(observersIn(await fabric.probesIn(30_000))).toEqual([...first].sort());
    const left = regions.filter((id) => id !== first[0]);
    fabric.world.work(Object.fromEntries([...left, 'nowhere'].map((id) => [id, ['probe-http']])));
    await fabric.clock.advance(1_500);
    const second = observersIn(await fabric.probesIn(30_000));
    expect(second).toEqual(observersOf('n1', 'dublin', left).sort());
    expect(second).toContain(first[1]);
    await fabric.write(region('nowhere'));
    const all = [...left, 'nowhere'];
    await fabric.clock.advance(1_500);
    expect(observersIn(await fabric.probesIn(30_000))).toEqual(observersOf('n1', 'dublin', all).sort());
  });

  test('stop while its region is in maintenance, and while they are switched off', async () => {
    await using fabric = await setUp();
    await fabric.begun();
    await fabric.passUntil(() => fabric.statusOf('n1') === 'online');
    await fabric.write(region('dublin', { maintenance: true }));
    expect(await fabric.probesIn(60_000)).toEqual([]);
    await fabric.passUntil(() => fabric.statusOf('n1') === 'maintenance');
    expect(fabric.regionStatusOf('dublin')).toBe('maintenance');
    await fabric.write(region('dublin'));
    await fabric.passUntil(() => fabric.statusOf('n1') === 'online');
    await fabric.write(node('n1', 'dublin', { probe: { enabled: false } }));
    expect(await fabric.probesIn(60_000)).toEqual([]);
    await fabric.passUntil(() => fabric.statusOf('n1') === 'unknown');
    expect(fabric.documents.get('node-verdict', 'n1')?.value.reason).toBe('its probes are switched off');
    await fabric.write(node('n1', 'dublin'));
    await fabric.passUntil(() => fabric.statusOf('n1') === 'online');
  });

  test('are not made where health is not wanted', async () => {
    await using fabric = await setUp();
    await using replica = await fabric.start({ settings: { ...settings, enabled: false } });
    expect(await fabric.probesIn(60_000)).toEqual([]);
    expect(replica.health.watching).toBe(0);
  });
});

describe('a verdict', () => {
  test('is written once, when it changes', async () => {
    await using fabric = await setUp();
    await fabric.begun();
    await fabric.passUntil(
      () => fabric.statusOf('n1') === 'online' && fabric.regionStatusOf('dublin') === 'online',
    );
    const versions = () => [
      fabric.documents.get('node-verdict', 'n1')?.version,
      fabric.documents.get('region-verdict', 'dublin')?.version,
    ];
    // Until every observer has been heard: who sees what is written down as well.
    await fabric.probesIn(60_000);
    await fabric.passUntil(
      () =>
        fabric.documents.get('node-verdict', 'n1')?.value.observers.every(({ sees }) => sees === 'up') ??
        false,
    );
    const before = versions();
    expect(await fabric.probesIn(120_000)).toHaveLength(12);
    await fabric.documents.refresh();
    expect(versions()).toEqual(before);
    const { observers } = fabric.documents.get('node-verdict', 'n1')?.value ?? {};
    expect(observers?.map(({ observer }) => observer)).toEqual(observersOf('n1', 'dublin'));
  });

  test('turns after failures in a row, for which its observers do not wait for their slots', async () => {
    await using fabric = await setUp([node('n1', 'dublin'), node('n2', 'oregon'), node('n3', 'sydney')]);
    await fabric.begun();
    await fabric.passUntil(() => ['n1', 'n2', 'n3'].every((id) => fabric.statusOf(id) === 'online'));
    fabric.world.see = (id) => (id === 'n1' ? 'down' : 'up');
    const before = fabric.world.probes.length;
    const since = fabric.clock.now();
    await fabric.passUntil(() => fabric.statusOf('n1') === 'offline');
    const { value } = fabric.documents.get('node-verdict', 'n1') ?? {};
    expect(Date.parse(value?.since ?? '') - since).toBeLessThan(35_000);
    await fabric.passUntil(() => fabric.regionStatusOf('dublin') === 'offline');
    const again = fabric.world.probes.slice(before).filter(({ key }) => key.includes(':again-'));
    expect(again.filter((probe) => probe.node === 'n1').length).toBeGreaterThanOrEqual(4);
    fabric.world.see = () => 'up';
    await fabric.passUntil(
      () => fabric.statusOf('n1') === 'online' && fabric.regionStatusOf('dublin') === 'online',
    );
  });

  test('is unknown when nobody is heard any more', async () => {
    await using fabric = await setUp();
    await fabric.begun();
    await fabric.passUntil(() => fabric.statusOf('n1') === 'online');
    fabric.world.see = () => 'lost';
    await fabric.passUntil(() => fabric.statusOf('n1') === 'unknown');
  });

  test('outlives a restart, with its time', async () => {
    await using fabric = await setUp([node('n1', 'dublin'), node('n2', 'oregon')]);
    fabric.world.see = (id) => (id === 'n1' ? 'down' : 'up');
    const first = await fabric.begun();
    await fabric.passUntil(
      () => fabric.statusOf('n2') === 'online' && fabric.regionStatusOf('dublin') === 'offline',
    );
    const written = () =>
      [...fabric.documents.all('node-verdict'), ...fabric.documents.all('region-verdict')].map(
        ([id, { value }]) => [id, value.status, value.since],
      );
    await first[Symbol.asyncDispose]();
    const before = structuredClone(written());
    fabric.world.work({});
    await using second = await fabric.start();
    await fabric.clock.advance(3_000);
    expect(second.health.watching).toBe(0);
    fabric.world.work(workers);
    await fabric.passUntil(() => second.health.watching === 2);
    await fabric.probesIn(120_000);
    await fabric.documents.refresh();
    expect(written()).toEqual(before);
  });

  test('of what is gone is taken away', async () => {
    await using fabric = await setUp();
    await fabric.write(
      verdict('node-verdict', 'gone', 'online'),
      verdict('region-verdict', 'lost', 'offline'),
    );
    await fabric.begun();
    await fabric.passUntil(() => fabric.regionStatusOf('paris') === 'online');
    await fabric.passUntil(() => !fabric.statusOf('gone') && !fabric.regionStatusOf('lost'));
    await fabric.remove('region', 'paris');
    await fabric.passUntil(() => fabric.regionStatusOf('paris') === undefined);
  });

  test('of a node does not pass to another one with its name', async () => {
    await using fabric = await setUp([node('n1', 'dublin'), node('n2', 'oregon'), node('n3', 'sydney')]);
    await fabric.begun();
    fabric.world.see = (id) => (id === 'n1' ? 'down' : 'up');
    await fabric.passUntil(() => fabric.statusOf('n1') === 'offline');
    await fabric.write(node('n1', 'dublin', { created_at: isoAt(fabric.clock.now()) }));
    await fabric.passUntil(() => fabric.statusOf('n1') === undefined, 1_000);
  });
});

describe('the health of regions and its lease', () => {
  test('is looked after only while the lease is held', async () => {
    await using fabric = await setUp();
    fabric.lease.set(false);
    const { health } = await fabric.start();
    expect(await fabric.probesIn(40_000)).toEqual([]);
    fabric.lease.set(true);
    await until(() => health.watching === 1, { everyMs: 1 });
    await fabric.passUntil(() => fabric.statusOf('n1') === 'online');
    fabric.lease.set(false);
    expect(health.watching).toBe(0);
    fabric.world.see = () => 'down';
    expect(await fabric.probesIn(90_000)).toEqual([]);
    expect(fabric.statusOf('n1')).toBe('online');
    fabric.lease.set(true);
    await until(() => health.watching === 1, { everyMs: 1 });
    expect((await fabric.probesIn(30_000)).length).toBeGreaterThanOrEqual(3);
  });

  test('does not stop changing when the clock is set back', async () => {
    await using fabric = await setUp();
    let byMs = 0;
    const clock = { ...fabric.clock, now: () => fabric.clock.now() + byMs };
    await using replica = await fabric.start({ clock });
    await until(() => replica.health.watching > 0, { everyMs: 1, what: 'watching' });
    await fabric.passUntil(() => fabric.statusOf('n1') === 'online');
    byMs = -600_000;
    fabric.world.see = () => 'down';
    await fabric.passUntil(() => fabric.statusOf('n1') === 'offline');
  });

  test('takes no silence for an answer that a pause has caused', async () => {
    await using fabric = await setUp();
    await fabric.begun();
    await fabric.passUntil(() => fabric.statusOf('n1') === 'online');
    const since = fabric.documents.get('node-verdict', 'n1')?.value.since;
    fabric.lease.runOut();
    await fabric.clock.advance(120_000);
    fabric.lease.set(false);
    fabric.lease.set(true);
    await fabric.passUntil(() => fabric.world.probes.at(-1)!.at > fabric.clock.now() - 5_000);
    expect(fabric.documents.get('node-verdict', 'n1')?.value).toMatchObject({ status: 'online', since });
  });
});

describe('who confirms that a region is lost', () => {
  test('nobody, before the watch has seen it with its own eyes', async () => {
    await using fabric = await setUp([node('n1', 'dublin'), node('n2', 'tokyo')]);
    fabric.world.work(
      Object.fromEntries(regions.map((id) => [id, ['probe-http', 'probe-tcp', 'region-failover']])),
    );
    const { health } = await fabric.start();
    expect(health.confirmer('tokyo')).toBeNull();
    await until(() => health.watching > 0, { everyMs: 1, what: 'watching' });
    expect(health.confirmer('tokyo')).toBeNull();
    await fabric.clock.advance(60_000);
    expect(regions).toContain(health.confirmer('tokyo'));
    expect(health.confirmer('tokyo')).not.toBe('tokyo');
  });

  test('any, where no other region has workers for that', async () => {
    await using fabric = await setUp();
    const { health } = await fabric.begun();
    await fabric.clock.advance(60_000);
    expect(health.confirmer('tokyo')).toBe('any');
  });
});

test('what is seen of a node is recorded', async () => {
  await using fabric = await setUp();
  await fabric.begun();
  await fabric.probesIn(30_000);
  await fabric.clock.advance(1_000);
  await until(async () => (await fabric.store.observations('n1', 10)).length === 3);
  const [newest] = await fabric.store.observations('n1', 1);
  expect(newest?.value).toMatchObject({ node_id: 'n1', outcome: 'up' });
});
