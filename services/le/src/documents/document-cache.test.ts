import { manualClock, silentLog } from '@tenma/runtime';
import { type Store, StoreUnavailableError } from '@tenma/store';
import { createSqliteStore } from '@tenma/store/sqlite';
import { temporaryFolder, until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import { type DocumentCache, type DocumentChange, keepDocuments } from './document-cache.ts';
import type { ActiveRegion } from '@tenma/protocol';
import { activeRegionId } from './kinds.ts';

const clock = manualClock();
const log = silentLog();

async function openStore(): Promise<Store & AsyncDisposable> {
  await using parts = new AsyncDisposableStack();
  const folder = parts.use(await temporaryFolder());
  const store = parts.use(await createSqliteStore({ clock, log }, { path: `${folder.path}/tenma.db` }));
  const opened = parts.move();
  return { ...store, [Symbol.asyncDispose]: () => opened.disposeAsync() } as Store;
}

const active = (region_id: string, epoch: number): ActiveRegion => ({
  active_region: region_id,
  region_id,
  epoch,
  since: '2026-01-01T00:00:00.000Z',
});
const activeWrite = (expected: number | 'any', value: ActiveRegion | null) =>
  ({ kind: 'active-region', id: activeRegionId, expected, value }) as const;
const writeFirst = async (documents: DocumentCache) => {
  await documents.write([activeWrite(0, active('tokyo', 1))]);
};
const loaded = (documents: DocumentCache) =>
  until(() => documents.loaded, { what: 'the cache being loaded' });

describe('the documents in memory', () => {
  it('are there once the store was read and what must be there was written', async () => {
    await using store = await openStore();
    await using documents = keepDocuments({ store, clock, log }, writeFirst);
    const told: DocumentChange[][] = [];
    documents.onChange((changes) => told.push([...changes]));
    expect(documents.loaded).toBe(false);
    await loaded(documents);
    expect(documents.get('active-region', activeRegionId)?.value).toEqual(active('tokyo', 1));
    expect(told).toEqual([[{ kind: 'active-region', id: activeRegionId }]]);
  });

  it('begin once, however many replicas start together', async () => {
    await using store = await openStore();
    await using one = keepDocuments({ store, clock, log }, writeFirst);
    await using two = keepDocuments({ store, clock, log }, (cache) =>
      cache.write([activeWrite(0, active('dublin', 1))]).then(() => undefined),
    );
    await Promise.all([loaded(one), loaded(two)]);
    await Promise.all([one.refresh(), two.refresh()]);
    expect(one.get('active-region', activeRegionId)).toEqual(two.get('active-region', activeRegionId));
  });

  it('of two who write over the same version, one is told that it came too late, and sees why', async () => {
    await using store = await openStore();
    await using one = keepDocuments({ store, clock, log }, writeFirst);
    await using two = keepDocuments({ store, clock, log }, async () => {});
    await Promise.all([loaded(one), loaded(two)]);
    await two.refresh();
    const version = two.get('active-region', activeRegionId)?.version ?? 0;
    expect(await one.write([activeWrite(version, active('oregon', 2))])).toBeNull();
    expect(await two.write([activeWrite(version, active('dublin', 2))])).toEqual({
      kind: 'active-region',
      id: activeRegionId,
    });
    expect(two.get('active-region', activeRegionId)?.value).toEqual(active('oregon', 2));
  });

  it('show what another replica deletes, also to one that has not looked for long', async () => {
    await using store = await openStore();
    await using one = keepDocuments({ store, clock, log }, writeFirst);
    await using two = keepDocuments({ store, clock, log }, async () => {});
    await Promise.all([loaded(one), loaded(two)]);
    await two.refresh();
    await one.write([activeWrite('any', null)]);
    const told: DocumentChange[][] = [];
    two.onChange((changes) => told.push([...changes]));
    await clock.advance(3_600_000);
    await until(() => two.get('active-region', activeRegionId) === undefined, { what: 'the deletion' });
    expect(told.flat()).toContainEqual({ kind: 'active-region', id: activeRegionId });
  });

  it('follow a store that goes back to what it was before', async () => {
    await using store = await openStore();
    await using older = await openStore();
    let answering: Store = store;
    const listeners = new Set<(status: 'connected') => void>();
    const restored = {
      ...store,
      documentsSince: (version: number) => answering.documentsSince(version),
      writeDocuments: (writes: Parameters<Store['writeDocuments']>[0]) => answering.writeDocuments(writes),
      onStatus(listener: (status: 'connected') => void) {
        listeners.add(listener);
        return { [Symbol.dispose]: () => void listeners.delete(listener) };
      },
    } as Store;
    await using first = keepDocuments({ store: older, clock, log }, writeFirst);
    await using documents = keepDocuments({ store: restored, clock, log }, writeFirst);
    await Promise.all([loaded(first), loaded(documents)]);
    for (const epoch of [2, 3]) await documents.write([activeWrite('any', active('oregon', epoch))]);
    answering = older;
    const version = documents.get('active-region', activeRegionId)?.version ?? 0;
    expect(await documents.write([activeWrite(version, active('dublin', 4))])).not.toBeNull();
    expect(documents.get('active-region', activeRegionId)?.value).toEqual(active('tokyo', 1));
    answering = store;
    for (const listener of listeners) listener('connected');
    await until(() => documents.get('active-region', activeRegionId)?.value.epoch === 3);
  });

  it('are told to every listener, though one of them fails', async () => {
    await using store = await openStore();
    await using documents = keepDocuments({ store, clock, log }, writeFirst);
    await loaded(documents);
    let told = 0;
    documents.onChange(() => {
      told += 1;
      if (told > 1) throw new Error('a fault');
    });
    documents.onChange(() => (told += 10));
    expect(await documents.write([activeWrite('any', active('dublin', 2))])).toBeNull();
    expect(told).toBe(22);
  });

  it('are written at the first chance when the store was away at first', async () => {
    await using store = await openStore();
    let away = true;
    const flaky: Store = {
      ...store,
      writeDocuments: (writes) =>
        away ? Promise.reject(new StoreUnavailableError('away')) : store.writeDocuments(writes),
    };
    await using documents = keepDocuments({ store: flaky, clock, log }, writeFirst);
    await documents.refresh();
    expect(documents.loaded).toBe(false);
    away = false;
    await until(
      async () => {
        await clock.advance(1_000);
        return documents.loaded;
      },
      { what: 'the cache being loaded' },
    );
    expect(documents.get('active-region', activeRegionId)?.value.region_id).toBe('tokyo');
  });
});
