import { observePrincipal } from '@tenma/protocol';
import { silentLog } from '@tenma/runtime';
import type { Store } from '@tenma/store';
import { until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import { specForTest } from '../lifecycle/fixture.ts';
import { firstLife } from '../lifecycle/accept.ts';
import { fakeLease } from './fixtures/fake-lease.ts';
import { failover, isoAt, node, openDocuments, region, startMs } from './fixtures/region-documents.ts';
import { type RetentionOptions, startRetention } from './retention.ts';

const minuteMs = 60_000;

async function open({ held = true, options = {} as RetentionOptions } = {}) {
  const parts = new AsyncDisposableStack();
  const at = parts.use(await openDocuments());
  const lease = fakeLease(held);
  const asked: { principal?: string; createdBefore: number; limit: number }[] = [];
  const start = (fakes: Partial<Store> = {}) => {
    const store: Store = {
      ...at.store,
      status: 'connected',
      forgetTasks(what) {
        asked.push(what);
        return fakes.forgetTasks ? fakes.forgetTasks(what) : at.store.forgetTasks(what);
      },
    };
    const { documents, clock } = at;
    return parts.use(startRetention({ store, documents, lease, clock, log: silentLog() }, options));
  };
  /** A task of that age when the test begins. */
  const insert = async (n: number, ageMs: number, principal: string, ended = true) => {
    const createdAt = startMs - ageMs;
    const id = `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`;
    const spec = specForTest({ id, createdAt, principal });
    const life = firstLife(spec, createdAt);
    const end = {
      ...life,
      state: 'succeeded',
      finishedAt: createdAt + 1,
      dueAt: null,
      clockAt: null,
      announced: true,
    };
    await at.store.insert([{ spec, life: ended ? (end as typeof life) : life, input: null, output: null }]);
    return () => at.store.get(id).then((record) => record !== null);
  };
  const close = () => parts.disposeAsync();
  return { ...at, lease, asked, start, insert, [Symbol.asyncDispose]: close };
}

/** Every chunk of a round has rested; the round is over when nothing more is asked for. */
async function pass(at: { clock: { advance(ms: number): Promise<void> }; store: Store }, ms: number) {
  for (let gone = 0; gone < ms; gone += 1_000) {
    await at.clock.advance(1_000);
    for (let turn = 0; turn < 5; turn += 1) await at.store.read('nothing');
  }
}

describe('retention', () => {
  it('forgets ended probes after 10 minutes, other ended tasks after 7 days, and nothing that has not ended', async () => {
    await using at = await open();
    const dayMs = 24 * 3_600_000;
    const oldProbe = await at.insert(1, 11 * minuteMs, observePrincipal);
    const freshProbe = await at.insert(2, 5 * minuteMs, observePrincipal);
    const unfinishedProbe = await at.insert(3, 11 * minuteMs, observePrincipal, false);
    const task = await at.insert(4, 6 * dayMs, 'somebody');
    const oldTask = await at.insert(5, 8 * dayMs, 'somebody');
    const unfinished = await at.insert(6, 8 * dayMs, 'somebody', false);
    at.start();
    await pass(at, 6_000);
    await until(async () => !(await oldProbe()) && !(await oldTask()));
    for (const there of [freshProbe, unfinishedProbe, task, unfinished]) expect(await there()).toBe(true);
    await pass(at, 7 * minuteMs);
    await until(async () => !(await freshProbe()));
    expect(await task()).toBe(true);
  });

  it('forgets the parts of blobs that have expired, also of those that were never whole', async () => {
    await using at = await open();
    const blob = (id: string, expiresAt: number) => ({
      id,
      taskId: id,
      parts: 50,
      contentType: 'application/json',
      contentEncoding: 'zstd' as const,
      bytes: 1,
      sha256: '',
      expiresAt,
    });
    const old = blob('00000000-0000-7000-8000-000000000001', startMs - 1);
    const fresh = blob('00000000-0000-7000-8000-000000000002', startMs + minuteMs);
    for (let part = 0; part < 45; part += 1) await at.store.putBlobPart(old, part, Buffer.from('x'));
    await at.store.putBlobPart(fresh, 0, Buffer.from('x'));
    at.start();
    await pass(at, 7_000);
    await until(async () => (await at.store.blob(old.id)) === null);
    expect(await at.store.blob(fresh.id)).toMatchObject({ kept: 1 });
  });

  it('keeps tasks for as long as it is told', async () => {
    await using at = await open({ options: { taskRetentionMs: minuteMs, probeRetentionMs: 10_000 } });
    const task = await at.insert(1, 2 * minuteMs, 'somebody');
    const probe = await at.insert(2, 20_000, observePrincipal);
    at.start();
    await pass(at, 6_000);
    await until(async () => !(await task()) && !(await probe()));
  });

  it('works in chunks with a rest between, and not without end in one round', async () => {
    await using at = await open();
    at.start({
      forgetTasks: (what) => Promise.resolve(what.principal === observePrincipal ? what.limit : 0),
    });
    await pass(at, 5_000);
    const begun = at.asked.length;
    await pass(at, 1_000);
    // 50 ms between two: 20 a second.
    expect(at.asked.length - begun).toBeLessThanOrEqual(21);
    await pass(at, 14_000);
    expect(at.asked.filter(({ principal }) => principal === observePrincipal)).toHaveLength(200);
    expect(at.asked.filter(({ principal }) => principal === undefined)).toHaveLength(1);
    expect(at.asked.every(({ limit }) => limit === 1_000)).toBe(true);
    // The next round goes on with what is left: 200,000 a minute is more than the 42,000 that 700/s make.
    await pass(at, 65_000);
    expect(at.asked.length).toBeGreaterThan(300);
  });

  it('does nothing without the lease, and stops in the middle of a round when it is lost', async () => {
    await using at = await open({ held: false });
    at.start({ forgetTasks: (what) => Promise.resolve(what.limit) });
    await pass(at, 2 * minuteMs);
    expect(at.asked).toEqual([]);
    at.lease.set(true);
    await pass(at, minuteMs);
    at.lease.set(false);
    const sofar = at.asked.length;
    expect(sofar).toBeGreaterThan(0);
    await pass(at, 2 * minuteMs);
    expect(at.asked.length).toBe(sofar);
  });

  it('goes on after a round that failed', async () => {
    await using at = await open();
    let calls = 0;
    at.start({
      forgetTasks() {
        calls += 1;
        return calls === 1 ? Promise.reject(new Error('away')) : Promise.resolve(0);
      },
    });
    await pass(at, 70_000);
    expect(calls).toBe(3);
  });

  it('keeps the newest failovers', async () => {
    await using at = await open({ options: { failoversKept: 3 } });
    const ids = ['a', 'b', 'c', 'd', 'e'];
    await at.write(...ids.map((id, n) => failover(id, { timestamp: isoAt(startMs + n * 1_000) })));
    at.start();
    await pass(at, 6_000);
    await until(() => at.documents.all('failover').size === 3);
    expect([...at.documents.all('failover').keys()].sort()).toEqual(['c', 'd', 'e']);
  });

  it('forgets what was seen of nodes that are gone, unless they are back', async () => {
    await using at = await open();
    await at.write(node('gone', 'tokyo'), node('back', 'tokyo'), node('there', 'tokyo'));
    const seen = (target: string) => ({ target, at: startMs, value: { outcome: 'up' } });
    await at.store.recordObservations(['gone', 'back', 'there'].map(seen));
    at.start();
    await at.write({ kind: 'node', id: 'gone', value: null }, { kind: 'node', id: 'back', value: null });
    await at.write(node('back', 'tokyo'));
    await pass(at, 6_000);
    await until(async () => (await at.store.observations('gone', 1)).length === 0);
    expect(await at.store.observations('back', 1)).toHaveLength(1);
    expect(await at.store.observations('there', 1)).toHaveLength(1);
  });

  it('forgets what was measured from regions that are gone', async () => {
    await using at = await open();
    const vector = (from: string) =>
      ({ kind: 'latency', id: from, value: { from, to: {}, coordinate: null } }) as const;
    await at.write(region('tokyo'), vector('tokyo'), vector('atlantis'));
    at.start();
    await pass(at, 6_000);
    await until(() => at.documents.get('latency', 'atlantis') === undefined);
    expect(at.documents.get('latency', 'tokyo')).toBeDefined();
  });
});
