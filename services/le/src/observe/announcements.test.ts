import { silentLog } from '@tenma/runtime';
import { until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import { type DocumentCache } from '../documents/document-cache.ts';
import { releaseRecord } from '../releases/fixture.ts';
import { startGeoAnnouncements } from './announcements.ts';
import { fakeLease } from './fixtures/fake-lease.ts';
import { type Announced, fakeResults } from './fixtures/fake-results.ts';
import {
  active,
  failover,
  isoAt,
  node,
  openDocuments,
  region,
  startMs,
  verdict,
} from './fixtures/region-documents.ts';

const regionTopic = (id: string) => `tenma/v1/regions/${id}`;
const nodeTopic = (at: string, id: string) => `tenma/v1/nodes/${at}/${id}`;
const eventId = '01990b4c-6f2a-4cc3-9d5e-0f6d2f1a7b10';
const failoverTopic = `tenma/v1/failovers/${eventId}`;

async function open({ held = true } = {}) {
  const parts = new AsyncDisposableStack();
  const at = parts.use(await openDocuments());
  await at.write(region('tokyo'), region('dublin'), active('tokyo'), node('n1', 'tokyo'));
  const results = fakeResults();
  const lease = fakeLease(held);
  const start = (documents: DocumentCache, own = lease, leId = 'le-1') =>
    parts.use(
      startGeoAnnouncements({ documents, results, lease: own, clock: at.clock, log: silentLog() }, leId),
    );
  const on = (topic: string) => results.announced.filter((one) => one.topic === topic);
  const last = (topic: string): Announced | undefined => on(topic).at(-1);
  const dataOf = (topic: string) => last(topic)?.payload?.data as Record<string, unknown> | undefined;
  const close = () => parts.disposeAsync();
  return { ...at, results, lease, start, on, last, dataOf, [Symbol.asyncDispose]: close };
}

const all = [regionTopic('tokyo'), regionTopic('dublin'), nodeTopic('tokyo', 'n1'), 'tenma/v1/active-region'];

const measured = { p50_ms: 230, p95_ms: 240, samples: 5, at: '2026-02-20T10:00:00.000Z' };

describe('announcements of regions', () => {
  it('are retained, as the API shows what they tell of, under ids of their own', async () => {
    await using at = await open();
    await at.write({
      kind: 'latency',
      id: 'tokyo',
      value: { from: 'tokyo', to: { dublin: measured }, coordinate: null },
    });
    at.start(at.documents);
    await until(() => at.results.announced.length >= 5);
    expect(at.last(regionTopic('tokyo'))).toMatchObject({
      retain: true,
      payload: {
        type: 'tenma.region.online.v1',
        subject: 'tokyo',
        source: '/le/le-1',
        data: { region_id: 'tokyo', status: 'online', active: true, node_count: 1 },
      },
    });
    expect(at.last(nodeTopic('tokyo', 'n1'))?.payload).toMatchObject({
      type: 'tenma.node.unknown.v1',
      subject: 'n1',
      data: { node_id: 'n1', status: 'unknown' },
    });
    expect(at.last('tenma/v1/active-region')?.payload).toMatchObject({
      type: 'tenma.active-region.changed.v1',
      subject: 'tokyo',
      data: { region_id: 'tokyo', epoch: 1 },
    });
    expect(at.last('tenma/v1/latency/tokyo')?.payload?.type).toBe('tenma.latency.measured.v1');
    expect(at.results.announced.every(({ retain }) => retain)).toBe(true);
    expect(new Set(at.results.announced.map(({ payload }) => payload?.id)).size).toBe(5);
  });

  it('tell of releases, under the name of the latest change', async () => {
    await using at = await open();
    const topic = 'tenma/v1/releases/echo';
    at.start(at.documents);
    const value = releaseRecord({ candidate: '1.1.0', change: 'begun' });
    await at.write({ kind: 'release', id: 'echo', value });
    await until(() => at.on(topic).length === 1);
    const { change: _, ...data } = value;
    expect(at.last(topic)).toMatchObject({
      retain: true,
      payload: { type: 'tenma.release.begun.v1', subject: 'echo', source: '/le/le-1' },
    });
    expect(at.dataOf(topic)).toEqual(data);
    await at.write({ kind: 'release', id: 'echo', value: releaseRecord({ change: 'rolled_back' }) });
    await until(() => at.last(topic)?.payload?.type === 'tenma.release.rolled_back.v1');
    expect(new Set(at.on(topic).map(({ payload }) => payload?.id)).size).toBe(2);
    at.results.become('connected');
    await until(() => at.on(topic).length === 3);
    expect(at.on(topic)[2]?.payload).toEqual(at.on(topic)[1]?.payload);
  });

  it('are cleared when a release is forgotten, and made anew when its type comes back', async () => {
    await using at = await open();
    const topic = 'tenma/v1/releases/echo';
    at.start(at.documents);
    await at.write({ kind: 'release', id: 'echo', value: releaseRecord() });
    await until(() => at.results.retained.has(topic));
    await at.write({ kind: 'release', id: 'echo', value: null });
    await until(() => !at.results.retained.has(topic));
    expect(at.last(topic)).toEqual({ topic, payload: null, retain: true });
    await at.write({ kind: 'release', id: 'echo', value: releaseRecord() });
    await until(() => at.results.retained.has(topic));
    expect(new Set(at.on(topic).map(({ payload }) => payload?.id)).size).toBe(3);
  });

  it('follow what changes, and leave the rest alone', async () => {
    await using at = await open();
    at.start(at.documents);
    await until(() => at.results.announced.length >= all.length);
    at.results.announced.length = 0;
    await at.write(verdict('node-verdict', 'n1', 'offline'));
    await until(() => at.results.announced.length >= 1);
    expect(at.last(nodeTopic('tokyo', 'n1'))?.payload?.type).toBe('tenma.node.offline.v1');
    await at.write(verdict('region-verdict', 'tokyo', 'degraded'));
    await until(() => at.results.announced.length >= 2);
    expect(at.last(regionTopic('tokyo'))?.payload?.type).toBe('tenma.region.degraded.v1');
    expect(at.results.announced).toHaveLength(2);
  });

  it('show the switch on both regions', async () => {
    await using at = await open();
    at.start(at.documents);
    await until(() => at.results.announced.length >= all.length);
    await at.write(active('dublin', 2));
    await until(() => at.dataOf(regionTopic('dublin'))?.['active'] === true);
    await until(() => at.dataOf(regionTopic('tokyo'))?.['active'] === false);
    expect(at.dataOf('tenma/v1/active-region')).toMatchObject({ region_id: 'dublin', epoch: 2 });
  });

  it('have another id for every count of nodes, also for one that was there before', async () => {
    await using at = await open();
    at.start(at.documents);
    const count = () => at.dataOf(regionTopic('tokyo'))?.['node_count'];
    await until(() => count() === 1);
    await at.clock.advance(10);
    await at.write(node('n2', 'tokyo'));
    await until(() => count() === 2);
    await at.clock.advance(10);
    await at.write({ kind: 'node', id: 'n2', value: null });
    await until(() => count() === 1);
    const ids = at.on(regionTopic('tokyo')).map(({ payload }) => payload?.id);
    expect(new Set(ids).size).toBe(3);
  });

  it('are cleared when their region or node is gone', async () => {
    await using at = await open();
    at.start(at.documents);
    await until(() => at.results.retained.size >= all.length);
    await at.write({ kind: 'node', id: 'n1', value: null }, { kind: 'region', id: 'dublin', value: null });
    await until(() => at.results.retained.size === 2);
    expect(at.last(nodeTopic('tokyo', 'n1'))?.payload).toBeNull();
    expect(at.last(regionTopic('dublin'))?.payload).toBeNull();
    await until(() => at.dataOf(regionTopic('tokyo'))?.['node_count'] === 0);
  });

  it('move with a node that is registered anew in another region', async () => {
    await using at = await open();
    at.start(at.documents);
    await until(() => at.results.retained.has(nodeTopic('tokyo', 'n1')));
    await at.write(node('n1', 'dublin'));
    await until(() => at.results.retained.has(nodeTopic('dublin', 'n1')));
    await until(() => !at.results.retained.has(nodeTopic('tokyo', 'n1')));
    expect(at.dataOf(regionTopic('dublin'))?.['node_count']).toBe(1);
  });
});

describe('what the broker has', () => {
  it('is made whole when MQTT comes back: everything again, under the same ids', async () => {
    await using at = await open();
    at.start(at.documents);
    await until(() => at.results.announced.length >= all.length);
    const before = new Map(at.results.announced.map(({ topic, payload }) => [topic, payload?.id]));
    at.results.become('connecting');
    at.results.retained.clear();
    at.results.announced.length = 0;
    await at.clock.advance(5_000);
    expect(at.results.announced).toEqual([]);
    at.results.become('connected');
    await until(() => at.results.announced.length >= all.length);
    expect([...at.results.retained.keys()].sort()).toEqual([...all].sort());
    for (const { topic, payload } of at.results.announced) expect(payload?.id).toBe(before.get(topic));
  });

  it('shows the newest state after an outage, once', async () => {
    await using at = await open();
    at.start(at.documents);
    await until(() => at.results.announced.length >= all.length);
    at.results.become('connecting');
    at.results.announced.length = 0;
    await at.write(verdict('region-verdict', 'tokyo', 'degraded'));
    await at.write(verdict('region-verdict', 'tokyo', 'offline'));
    at.results.become('connected');
    await until(() => at.results.announced.length >= all.length);
    expect(at.on(regionTopic('tokyo')).map(({ payload }) => payload?.type)).toEqual([
      'tenma.region.offline.v1',
    ]);
  });

  it('is freed of what the documents do not know, whoever left it there', async () => {
    await using at = await open({ held: false });
    at.results.retained.set(nodeTopic('tokyo', 'gone'), { data: {} });
    at.results.retained.set(regionTopic('gone'), { data: {} });
    at.start(at.documents);
    at.lease.set(true);
    await until(() => at.results.retained.size === all.length);
    expect([...at.results.retained.keys()].sort()).toEqual([...all].sort());
  });

  it('gets what was lost on the way a second later', async () => {
    await using at = await open();
    at.results.lose(regionTopic('dublin'), 2);
    at.start(at.documents);
    await until(async () => {
      await at.clock.advance(1_000);
      return at.results.retained.has(regionTopic('dublin'));
    });
    expect(at.on(regionTopic('dublin'))).toHaveLength(1);
  });

  it('is written a bounded number of messages at a time, however many nodes there are', async () => {
    await using at = await open();
    await at.write(...Array.from({ length: 2_000 }, (_, n) => node(`many-${n}`, 'dublin')));
    at.start(at.documents);
    await until(() => at.results.retained.size === all.length + 2_000);
    expect(at.results.mostAtOnce).toBeLessThanOrEqual(100);
    expect(at.results.announced).toHaveLength(all.length + 2_000);
  });
});

describe('the lease', () => {
  it('says who announces; who takes it announces everything', async () => {
    await using at = await open({ held: false });
    at.start(at.documents);
    await at.write(verdict('region-verdict', 'tokyo', 'degraded'));
    await at.clock.advance(5_000);
    expect(at.results.announced).toEqual([]);
    at.lease.set(true);
    await until(() => at.results.announced.length >= all.length);
    at.lease.set(false);
    await at.write(verdict('region-verdict', 'tokyo', 'offline'));
    await at.clock.advance(5_000);
    expect(at.results.announced).toHaveLength(all.length);
  });
});

describe('a failover', () => {
  it('is announced once, not retained, however often its record changes', async () => {
    await using at = await open();
    at.start(at.documents);
    await at.write(failover(eventId));
    await until(() => at.on(failoverTopic).length > 0);
    await at.write(failover(eventId, { replaced_tasks: 7 }));
    at.results.become('connecting');
    at.results.become('connected');
    at.lease.set(false);
    at.lease.set(true);
    await at.write(region('oslo'));
    await until(() => at.results.retained.has(regionTopic('oslo')));
    expect(at.on(failoverTopic)).toHaveLength(1);
    expect(at.last(failoverTopic)).toMatchObject({
      retain: false,
      payload: { type: 'tenma.failover.executed.v1', subject: eventId, data: { event_id: eventId } },
    });
  });

  it('is announced when MQTT is back, if it happened meanwhile', async () => {
    await using at = await open();
    at.start(at.documents);
    at.results.become('connecting');
    await at.write(failover(eventId));
    await at.clock.advance(120_000);
    at.results.become('connected');
    await until(() => at.on(failoverTopic).length > 0);
  });

  it('that the last holder of the lease could not announce is announced by the next', async () => {
    await using at = await open({ held: false });
    at.start(at.documents);
    await at.write(failover(eventId));
    at.lease.set(true);
    await until(() => at.on(failoverTopic).length > 0);
  });

  it('that one replica has announced is not announced by the next', async () => {
    await using at = await open();
    const second = fakeLease(false);
    at.start(at.documents);
    at.start(at.elsewhere, second, 'le-2');
    await at.write(failover(eventId));
    await until(() => at.on(failoverTopic).length > 0);
    at.lease.set(false);
    second.set(true);
    await until(() => at.last(regionTopic('dublin'))?.payload?.source === '/le/le-2');
    expect(at.on(failoverTopic)).toHaveLength(1);
  });

  it.each([
    ['an old one', { timestamp: isoAt(startMs - 120_000) }],
    ['a plan', { dry_run: true }],
    ['one that came to nothing', { success: false }],
  ])('is no news: %s', async (_, changes) => {
    await using at = await open();
    at.start(at.documents);
    await at.write(failover(eventId, changes));
    await at.write(region('oslo'));
    await until(() => at.results.retained.has(regionTopic('oslo')));
    expect(at.on(failoverTopic)).toEqual([]);
  });
});
