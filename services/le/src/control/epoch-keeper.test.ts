import type { ActiveRegion, TaskEvent } from '@tenma/protocol';
import { manualClock, silentLog } from '@tenma/runtime';
import { StoreUnavailableError } from '@tenma/store';
import { createSqliteStore } from '@tenma/store/sqlite';
import { temporaryFolder, until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import { type DocumentCache, keepDocuments, type Write } from '../documents/document-cache.ts';
import { activeRegionId } from '../documents/kinds.ts';
import { createEpochKeeper } from './epoch-keeper.ts';

const clock = manualClock();
const log = silentLog();
const since = '2026-01-01T00:00:00.000Z';
const active = (region_id: string, epoch: number): ActiveRegion => ({
  active_region: region_id,
  region_id,
  epoch,
  since,
});
const writeOf = (expected: number | 'any', value: ActiveRegion): Write => ({
  kind: 'active-region',
  id: activeRegionId,
  expected,
  value,
});

/** A store that knows of epoch 1, and two replicas on it. */
async function open() {
  await using parts = new AsyncDisposableStack();
  const folder = parts.use(await temporaryFolder());
  const store = parts.use(await createSqliteStore({ clock, log }, { path: `${folder.path}/tenma.db` }));
  const first = async (cache: DocumentCache) => {
    await cache.write([writeOf(0, active('here', 1))]);
  };
  const one = parts.use(keepDocuments({ store, clock, log }, first));
  const two = parts.use(keepDocuments({ store, clock, log }, first));
  await until(() => one.loaded && two.loaded, { what: 'the documents being loaded' });
  const opened = parts.move();
  return { one, two, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

const activeIn = (documents: DocumentCache) => documents.get('active-region', activeRegionId);

/** The cache, with its writes counted. */
function counted(documents: DocumentCache) {
  const writes: Write[] = [];
  const counting: DocumentCache = {
    get loaded() {
      return documents.loaded;
    },
    get: (kind, id) => documents.get(kind, id),
    all: (kind) => documents.all(kind),
    refresh: () => documents.refresh(),
    onChange: (listener) => documents.onChange(listener),
    write(wanted) {
      writes.push(...wanted);
      return documents.write(wanted);
    },
    [Symbol.asyncDispose]: () => documents[Symbol.asyncDispose](),
  };
  return { writes, counting };
}

const about = { task_id: '01990b4c-6f2a-7cc3-9d5e-0f6d2f1a7b10', dispatch_no: 1, at: 0 };

describe('an epoch that others have heard of', () => {
  it('lifts a lower one over it, in the same region', async () => {
    await using opened = await open();
    await createEpochKeeper({ documents: opened.one, log }).heard(7);
    expect(activeIn(opened.one)?.value).toEqual(active('here', 8));
  });

  it.each([
    ['IC refused', { kind: 'waiting', ...about, reason: 'stale_epoch: …', epoch: 7 }],
    ['a WEE gave back', { kind: 'returned', ...about, reason: 'voided', epoch: 7 }],
  ] as const)('is told with what %s', async (_, refused) => {
    await using opened = await open();
    const other: TaskEvent = { kind: 'waiting', ...about, reason: 'no_eligible_worker: none' };
    createEpochKeeper({ documents: opened.one, log }).onEvents([other, refused]);
    await until(() => activeIn(opened.one)?.value.epoch === 8, { what: 'the lifted epoch' });
  });

  it('is written once, however often and by however many replicas it is heard', async () => {
    await using opened = await open();
    const { writes, counting } = counted(opened.one);
    const one = createEpochKeeper({ documents: counting, log });
    const two = createEpochKeeper({ documents: opened.two, log });
    await Promise.all([one.heard(7), one.heard(7), two.heard(7), one.heard(5)]);
    await one.heard(7);
    await Promise.all([opened.one.refresh(), opened.two.refresh()]);
    expect(activeIn(opened.one)?.value).toEqual(active('here', 8));
    expect(activeIn(opened.two)).toEqual(activeIn(opened.one));
    expect(writes.length).toBeLessThanOrEqual(1);
  });

  it('changes nothing when another replica has moved it, and this one has not looked yet', async () => {
    await using opened = await open();
    await opened.two.write([writeOf('any', active('there', 7))]);
    const { writes, counting } = counted(opened.one);
    await createEpochKeeper({ documents: counting, log }).heard(7);
    expect(writes).toEqual([]);
    expect(activeIn(opened.one)?.value).toEqual(active('there', 7));
  });

  it('goes over what another replica wrote meanwhile, when that is too low as well', async () => {
    await using opened = await open();
    const { counting } = counted(opened.one);
    let raced = false;
    const overtaken: DocumentCache = Object.assign(Object.create(counting) as DocumentCache, {
      async write(wanted: readonly Write[]) {
        if (!raced) await opened.two.write([writeOf('any', active('there', 2))]);
        raced = true;
        return counting.write(wanted);
      },
    });
    await createEpochKeeper({ documents: overtaken, log }).heard(7);
    expect(activeIn(opened.one)?.value).toEqual(active('there', 8));
  });

  it('is left to the next refusal while the store is away', async () => {
    await using opened = await open();
    let away = true;
    const documents: DocumentCache = Object.assign(
      Object.create(counted(opened.one).counting) as DocumentCache,
      {
        refresh: () => (away ? Promise.reject(new StoreUnavailableError('away')) : opened.one.refresh()),
      },
    );
    const keeper = createEpochKeeper({ documents, log });
    await keeper.heard(7);
    expect(activeIn(opened.one)?.value.epoch).toBe(1);
    away = false;
    await keeper.heard(7);
    expect(activeIn(opened.one)?.value.epoch).toBe(8);
  });
});
