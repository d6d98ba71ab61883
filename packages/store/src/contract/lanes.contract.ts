import { describe, expect, it } from 'vitest';
import type { Lane } from '../lane.ts';
import type { KeyedLane, Store } from '../store.ts';
import type { TaskLife } from '../task-record.ts';
import { change, ids, noon, sampleTask, success } from './sample-task.ts';
import type { CreateFixture } from './store-fixture.ts';

const lease = { now: noon, leaseUntil: noon + 30_000 };
const lane = (limitKey: string): Lane => ({ type: 'probe-http', region: 'active', limitKey });
const keyed = (key: string, life: Partial<TaskLife> = {}) =>
  sampleTask({ spec: { limit: { key, concurrent: 5 } }, life });

/** All lanes, a few at a time. */
async function allKeyedLanes(store: Store, size: number): Promise<KeyedLane[]> {
  const found: KeyedLane[] = [];
  let after: Lane | null = null;
  do {
    const page = await store.dueKeyedLanes(noon, { size, after, countUpTo: 10_000 });
    found.push(...page.items);
    after = page.next;
  } while (after !== null);
  return found;
}

export function lanesContract(create: CreateFixture): void {
  describe('lanes with a limit key', () => {
    it('are apart from each other and from the lane without', async () => {
      await using fixture = await create();
      const [a, b, plain] = [keyed('a'), keyed('b'), sampleTask()];
      await fixture.store.insert([a, b, plain]);
      expect(await fixture.store.dueLanes(noon)).toEqual([{ ...lane(''), due: 1, urgent: 0 }]);
      for (const [key, task] of Object.entries({ a, b, '': plain })) {
        const [claimed] = await fixture.store.claim(lane(key), { ...lease, limit: 10 });
        expect(claimed?.spec).toEqual(task.spec);
        expect(await fixture.store.claim(lane(key), { ...lease, limit: 10 })).toEqual([]);
      }
    });

    it('are found with what is due in them, and with the limit that came last', async () => {
      await using fixture = await create();
      const limits = [{ concurrent: 3 }, { concurrent: 7, per_s: 0.5 }] as const;
      const [older, newer] = limits.map((limit, n) =>
        sampleTask({
          spec: { limit: { key: 'a', ...limit }, createdAt: noon - 9 + n, priority: n === 0 ? 9 : 2 },
        }),
      );
      await fixture.store.insert([
        newer ?? sampleTask(),
        older ?? sampleTask(),
        keyed('later', { dueAt: noon + 1 }),
        sampleTask(),
      ]);
      expect(await allKeyedLanes(fixture.store, 100)).toEqual([
        { ...lane('a'), due: 2, urgent: 1, limit: { key: 'a', ...limits[1] }, limitAt: noon - 8 },
      ]);
    });

    it('are found page by page, each of them once, over all types and regions', async () => {
      await using fixture = await create();
      const names = Array.from({ length: 40 }, (_, n) => `key ${n}`);
      const places = [
        { type: 'probe-http', region: 'active' },
        { type: 'probe-http', region: 'any' },
        { type: 'probe-tcp', region: 'active' },
      ];
      const tasks = places.flatMap((place) =>
        names.map((key) => sampleTask({ spec: { ...place, limit: { key, concurrent: 1 } } })),
      );
      await fixture.store.insert([...tasks, sampleTask(), sampleTask({ spec: { type: 'probe-dns' } })]);
      const found = (await allKeyedLanes(fixture.store, 7)).map((one) => [
        one.type,
        one.region,
        one.limitKey,
        one.due,
      ]);
      const wanted = tasks.map(({ spec }) => [spec.type, spec.region, spec.limit?.key, 1]);
      expect(found.map(String).toSorted()).toEqual(wanted.map(String).toSorted());
      expect(await fixture.store.dueLanes(noon)).toHaveLength(2);
    });

    it('count no further than they are asked to', async () => {
      await using fixture = await create();
      await fixture.store.insert(Array.from({ length: 20 }, () => keyed('a')));
      const page = await fixture.store.dueKeyedLanes(noon, { size: 5, after: null, countUpTo: 3 });
      expect(page).toMatchObject({ items: [{ due: 3 }], next: null });
    });

    it('take any text as a key', async () => {
      await using fixture = await create();
      for (const key of ['\0', '\ud800', "'; --", '\u001e', 'ключ', ' ', '""', '\n']) {
        const task = keyed(key);
        await fixture.store.insert([task]);
        expect((await allKeyedLanes(fixture.store, 2)).map(({ limitKey }) => limitKey)).toEqual([key]);
        expect(ids(await fixture.store.claim(lane(key), { ...lease, limit: 1 }))).toEqual([task.spec.id]);
      }
    });
  });

  describe('sentTasks', () => {
    const what = { now: noon, leasedUntil: noon + 60_000, types: [] };

    it('finds tasks with a key from when they are sent until they end or are due again and do not run', async () => {
      await using fixture = await create();
      const later = noon + 10_000;
      const lives: Record<string, Partial<TaskLife>> = {
        leased: { dispatchNo: 1, dueAt: later },
        leasedAgain: { state: 'waiting', dispatchNo: 2, settledNo: 1, dueAt: later },
        queued: { state: 'queued', dispatchNo: 1, settledNo: 1, dueAt: null },
        running: { state: 'running', dispatchNo: 1, settledNo: 1, dueAt: null },
        runningAndDue: { state: 'running', dispatchNo: 1, settledNo: 1, dueAt: noon - 1 },
        runningAndDueLater: { state: 'running', dispatchNo: 1, settledNo: 1, dueAt: later },
        never: {},
        lapsed: { dispatchNo: 1, dueAt: noon },
        scheduled: { state: 'scheduled', dueAt: later },
        waiting: { state: 'waiting', dispatchNo: 1, settledNo: 1, dueAt: later },
        retrying: { state: 'retrying', dispatchNo: 1, settledNo: 1, dueAt: later },
        ended: { state: 'failed', dispatchNo: 1, settledNo: 1, dueAt: null },
      };
      const tasks = Object.entries(lives).map(([name, life]) => keyed(name, life));
      await fixture.store.insert([...tasks, sampleTask({ life: { state: 'running', dueAt: null } })]);
      const sent = await fixture.store.sentTasks(what);
      expect(sent.map(({ limitKey }) => limitKey).toSorted()).toEqual([
        'leased',
        'leasedAgain',
        'queued',
        'running',
        'runningAndDue',
        'runningAndDueLater',
      ]);
      const running = tasks.find(({ spec }) => spec.limit?.key === 'running') ?? sampleTask();
      expect(sent).toContainEqual({ id: running.spec.id, type: 'probe-http', limitKey: 'running' });
      await fixture.store.apply([success(running)]);
      expect(await fixture.store.sentTasks(what)).toHaveLength(5);
    });

    it('finds those of the named types that have no key', async () => {
      await using fixture = await create();
      const tasks = {
        leased: sampleTask({ life: { dispatchNo: 1, dueAt: noon + 10_000 } }),
        running: sampleTask({ life: { state: 'running', dispatchNo: 1, settledNo: 1, dueAt: null } }),
        runningAndDue: sampleTask({ life: { state: 'running', dispatchNo: 1, settledNo: 1, dueAt: noon } }),
        keyed: keyed('a', { state: 'running', dispatchNo: 1, settledNo: 1, dueAt: null }),
        due: sampleTask(),
        later: sampleTask({ life: { state: 'scheduled', dueAt: noon + 10_000 } }),
        other: sampleTask({ spec: { type: 'probe-tcp' }, life: { state: 'queued', dueAt: null } }),
      };
      await fixture.store.insert(Object.values(tasks));
      const sent = await fixture.store.sentTasks({ ...what, types: ['probe-http'] });
      expect(sent.map(({ id }) => id).toSorted()).toEqual(
        ids([tasks.leased, tasks.running, tasks.runningAndDue, tasks.keyed]).toSorted(),
      );
      expect(ids([tasks.keyed])).toEqual((await fixture.store.sentTasks(what)).map(({ id }) => id));
    });

    it('finds what was claimed, and no longer once it has come back', async () => {
      await using fixture = await create();
      await fixture.store.insert([keyed('a')]);
      const [task] = await fixture.store.claim(lane('a'), { ...lease, limit: 1 });
      expect(await fixture.store.sentTasks(what)).toHaveLength(1);
      await fixture.store.apply([change(task ?? sampleTask(), { state: 'waiting', settledNo: 1 })]);
      expect(await fixture.store.sentTasks(what)).toEqual([]);
    });
  });
}
