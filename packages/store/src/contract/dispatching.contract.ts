import { describe, expect, it } from 'vitest';
import { change, ids, newId, noon, sampleTask, sampleTasks, success } from './sample-task.ts';
import type { CreateFixture } from './store-fixture.ts';

const lane = { type: 'probe-http', region: 'active', limitKey: '' };
const lease = { now: noon, leaseUntil: noon + 30_000 };

export function dispatchingContract(create: CreateFixture): void {
  describe('claim', () => {
    it('takes the highest priority first, then the longest due', async () => {
      await using fixture = await create();
      const task = (priority: number, dueAt: number) => sampleTask({ spec: { priority }, life: { dueAt } });
      const [a, b, c, d] = [task(0, noon - 9), task(9, noon), task(5, noon - 1), task(9, noon - 5)];
      await fixture.store.insert([a, b, c, d]);
      expect(ids(await fixture.store.claim(lane, { ...lease, limit: 3 }))).toEqual(ids([d, b, c]));
      expect(ids(await fixture.store.claim(lane, { ...lease, limit: 3 }))).toEqual(ids([a]));
    });

    it('takes only what is above the default priority where that is asked for', async () => {
      await using fixture = await create();
      const tasks = [4, 6, 5, 9, 0, 7].map((priority) => sampleTask({ spec: { priority } }));
      await fixture.store.insert(tasks);
      expect(await fixture.store.dueLanes(noon)).toEqual([{ ...lane, due: 6, urgent: 3 }]);
      const urgent = await fixture.store.claim(lane, { ...lease, limit: 10, urgentOnly: true });
      expect(urgent.map(({ spec }) => spec.priority)).toEqual([9, 7, 6]);
      const rest = await fixture.store.claim(lane, { ...lease, limit: 10 });
      expect(rest.map(({ spec }) => spec.priority)).toEqual([5, 4, 0]);
    });

    it('takes those due at the same moment in the order of their ids', async () => {
      await using fixture = await create();
      const tasks = sampleTasks(20);
      await fixture.store.insert(tasks.toReversed());
      expect(ids(await fixture.store.claim(lane, { ...lease, limit: 20 }))).toEqual(ids(tasks));
    });

    it('makes what it takes due again when the lease ends, one dispatch and one revision later', async () => {
      await using fixture = await create();
      const task = sampleTask({ input: { n: 1 } });
      await fixture.store.insert([task]);
      const leased = { ...task, life: { ...task.life, dueAt: lease.leaseUntil, dispatchNo: 1, revision: 2 } };
      expect(await fixture.store.claim(lane, { ...lease, limit: 10 })).toEqual([leased]);
      expect(await fixture.store.get(task.spec.id)).toEqual(leased);
      expect(await fixture.store.claim(lane, { ...lease, limit: 10 })).toEqual([]);
      expect(await fixture.store.apply([change(task, {})])).toEqual([task.spec.id]);
      const [again] = await fixture.store.claim(lane, {
        now: lease.leaseUntil,
        leaseUntil: noon + 60_000,
        limit: 1,
      });
      expect(again?.life).toMatchObject({ dispatchNo: 2, revision: 3, dueAt: noon + 60_000 });
      expect(await fixture.store.apply([success(again ?? task)])).toEqual([]);
    });

    it('leaves other lanes, what is due later and what is not due at all', async () => {
      await using fixture = await create();
      const due = sampleTask();
      await fixture.store.insert([
        due,
        sampleTask({ spec: { type: 'probe-tcp' } }),
        sampleTask({ spec: { region: 'any' } }),
        sampleTask({ spec: { priority: 9 }, life: { dueAt: noon + 1 } }),
        sampleTask({ life: { dueAt: null } }),
      ]);
      expect(ids(await fixture.store.claim(lane, { ...lease, limit: 10 }))).toEqual([due.spec.id]);
    });

    it('gives no task to two callers', async () => {
      await using fixture = await create();
      const tasks = sampleTasks(300);
      await fixture.store.insert(tasks);
      const claims = await Promise.all(
        Array.from({ length: 8 }, () => fixture.store.claim(lane, { ...lease, limit: 50 })),
      );
      while ((claims.at(-1)?.length ?? 0) > 0)
        claims.push(await fixture.store.claim(lane, { ...lease, limit: 50 }));
      const taken = ids(claims.flat());
      expect(taken.toSorted()).toEqual(ids(tasks).toSorted());
    });
  });

  describe('dueLanes', () => {
    it('counts what is due in each lane', async () => {
      await using fixture = await create();
      await fixture.store.insert([
        ...sampleTasks(2),
        sampleTask({ spec: { priority: 0 } }),
        sampleTask({ spec: { region: 'any' } }),
        sampleTask({ spec: { type: 'probe-dns', region: 'eu-west-1' } }),
        sampleTask({ spec: { type: 'probe-tcp' }, life: { dueAt: noon + 1 } }),
        sampleTask({ spec: { type: 'probe-tls' }, life: { dueAt: null } }),
      ]);
      const lanes = await fixture.store.dueLanes(noon);
      expect(lanes).toHaveLength(3);
      expect(lanes).toEqual(
        expect.arrayContaining([
          { ...lane, due: 3, urgent: 0 },
          { ...lane, region: 'any', due: 1, urgent: 0 },
          { ...lane, type: 'probe-dns', region: 'eu-west-1', due: 1, urgent: 0 },
        ]),
      );
      await fixture.store.claim(lane, { ...lease, limit: 10 });
      expect(await fixture.store.dueLanes(noon)).toHaveLength(2);
    });

    it('counts up to 10,000', async () => {
      await using fixture = await create();
      for (let n = 0; n < 11; n += 1) {
        await fixture.store.insert(sampleTasks(1_000, { spec: { priority: n % 10 } }));
      }
      expect(await fixture.store.dueLanes(noon)).toEqual([{ ...lane, due: 10_000, urgent: 4_000 }]);
    });
  });

  it('clocksDue finds the clocks that have run out, oldest first', async () => {
    await using fixture = await create();
    const clocks = [noon - 1, noon - 3, noon, noon + 1, null, noon - 2];
    const tasks = clocks.map((clockAt) => sampleTask({ life: { clockAt } }));
    await fixture.store.insert(tasks);
    const found = await fixture.store.clocksDue(noon, 10);
    expect(found.map((task) => task.life.clockAt)).toEqual([noon - 3, noon - 2, noon - 1, noon]);
    expect(found[0]).toEqual({ spec: tasks[1]?.spec, life: tasks[1]?.life });
    expect(await fixture.store.clocksDue(noon, 1)).toHaveLength(1);
  });

  it('unannounced finds ends that nobody has announced, oldest first', async () => {
    await using fixture = await create();
    const tasks = sampleTasks(6);
    await fixture.store.insert(tasks);
    const end = (n: number, announced: boolean, state: 'succeeded' | 'failed' | 'cancelled' | 'expired') =>
      success(tasks[n] ?? sampleTask(), { state, announced });
    await fixture.store.apply([
      end(4, false, 'expired'),
      end(1, false, 'failed'),
      end(2, true, 'succeeded'),
      end(0, false, 'succeeded'),
      end(3, false, 'cancelled'),
    ]);
    const found = await fixture.store.unannounced(10);
    expect(ids(found)).toEqual([0, 1, 3, 4].map((n) => tasks[n]?.spec.id));
    expect(await fixture.store.unannounced(2)).toEqual(found.slice(0, 2));
    await fixture.store.apply(found.map((task) => change(task, { announced: true })));
    expect(await fixture.store.unannounced(10)).toEqual([]);
  });

  it('runningOn finds what runs on a WEE', async () => {
    await using fixture = await create();
    const running = sampleTask({ life: { state: 'running', weeId: 'wee-1' } });
    await fixture.store.insert([
      running,
      sampleTask({ life: { state: 'running', weeId: 'wee-2' } }),
      sampleTask({ life: { state: 'retrying', weeId: 'wee-1' } }),
    ]);
    expect(await fixture.store.runningOn('wee-1')).toEqual([{ spec: running.spec, life: running.life }]);
    await fixture.store.apply([success(running)]);
    expect(await fixture.store.runningOn('wee-1')).toEqual([]);
  });

  describe('makeAllDue', () => {
    it('makes what has not ended due now, but for what waits for its time', async () => {
      await using fixture = await create();
      const later = noon + 60_000;
      const lives = {
        leased: { dueAt: later },
        queued: { state: 'queued', dueAt: null },
        running: { state: 'running', dueAt: null },
        waiting: { state: 'waiting', dueAt: later },
        due: { dueAt: noon - 5 },
        scheduled: { state: 'scheduled', dueAt: later },
        scheduledAndDue: { state: 'scheduled', dueAt: noon - 7 },
        retrying: { state: 'retrying', dueAt: later },
        ended: { state: 'failed', dueAt: null, clockAt: null },
      } as const;
      const tasks = Object.entries(lives).map(([name, life]) => ({ name, task: sampleTask({ life }) }));
      await fixture.store.insert(tasks.map(({ task }) => task));
      expect(await fixture.store.makeAllDue(noon)).toBe(4);
      const stored = await Promise.all(tasks.map(({ task }) => fixture.store.get(task.spec.id)));
      const after = Object.fromEntries(
        tasks.map(({ name }, n) => [name, [stored[n]?.life.dueAt, stored[n]?.life.revision]]),
      );
      expect(after).toEqual({
        leased: [noon, 2],
        queued: [noon, 2],
        running: [noon, 2],
        waiting: [noon, 2],
        due: [noon - 5, 1],
        scheduled: [later, 1],
        scheduledAndDue: [noon - 7, 1],
        retrying: [later, 1],
        ended: [null, 1],
      });
      expect(await fixture.store.makeAllDue(noon)).toBe(0);
    });

    it('reaches every task of a long backlog', async () => {
      await using fixture = await create();
      for (let n = 0; n < 3; n += 1) {
        await fixture.store.insert(sampleTasks(1_000, { life: { dueAt: noon + 1 } }));
      }
      expect(await fixture.store.makeAllDue(noon)).toBe(3_000);
      expect(await fixture.store.dueLanes(noon)).toEqual([{ ...lane, due: 3_000, urgent: 0 }]);
    });
  });

  it('countUnfinished counts what has not ended, up to a limit', async () => {
    await using fixture = await create();
    const tasks = sampleTasks(5);
    await fixture.store.insert(tasks);
    expect(await fixture.store.countUnfinished(100)).toBe(5);
    expect(await fixture.store.countUnfinished(3)).toBe(3);
    await fixture.store.apply(
      tasks.slice(0, 4).map((task, n) => success(task, { state: n % 2 ? 'failed' : 'succeeded' })),
    );
    expect(await fixture.store.countUnfinished(100)).toBe(1);
  });

  it('a task retried by hand comes back to its lane', async () => {
    await using fixture = await create();
    const task = sampleTask({
      spec: { id: newId() },
      life: { state: 'failed', dueAt: null, clockAt: null, announced: true },
    });
    await fixture.store.insert([task]);
    await fixture.store.apply([
      change(task, { state: 'accepted', dueAt: noon, clockAt: noon + 1, announced: false }),
    ]);
    expect(ids(await fixture.store.claim(lane, { ...lease, limit: 1 }))).toEqual([task.spec.id]);
    expect(await fixture.store.countUnfinished(10)).toBe(1);
  });
}
