import { isTerminal, observePrincipal, taskStates } from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import type { Store } from '../store.ts';
import type { TaskLife, TaskRecord } from '../task-record.ts';
import { idAt, ids, noon, sampleTask, sampleTasks, success } from './sample-task.ts';
import type { CreateFixture } from './store-fixture.ts';

const minute = 60_000;
const ended: Partial<TaskLife> = { state: 'succeeded', dueAt: null, clockAt: null, announced: true };

function taskAt(createdAt: number, life: Partial<TaskLife> = ended, principal = 'anonymous'): TaskRecord {
  return sampleTask({ spec: { id: idAt(createdAt), createdAt, principal }, life });
}

/** Which of these tasks are still there. */
async function left(store: Store, tasks: readonly TaskRecord[]): Promise<string[]> {
  const found = new Set(ids(await store.controls(ids(tasks))));
  return ids(tasks).filter((id) => found.has(id));
}

export function forgettingContract(create: CreateFixture): void {
  describe('forgetTasks', () => {
    it('deletes what was created before a moment, the oldest first, up to a limit', async () => {
      await using fixture = await create();
      const { store } = fixture;
      const tasks = Array.from({ length: 10 }, (_, n) => taskAt(noon + n * minute));
      await store.insert(tasks.toReversed());
      const before = { createdBefore: noon + 7 * minute };
      expect(await store.forgetTasks({ ...before, limit: 4 })).toBe(4);
      expect(await left(store, tasks)).toEqual(ids(tasks.slice(4)));
      expect(await store.forgetTasks({ ...before, limit: 4 })).toBe(3);
      expect(await left(store, tasks)).toEqual(ids(tasks.slice(7)));
      expect(await store.forgetTasks({ ...before, limit: 4 })).toBe(0);
      expect(await store.forgetTasks({ createdBefore: noon + 99 * minute, limit: 0 })).toBe(0);
    });

    it('takes the moment to the millisecond, although ids are made a little before or after', async () => {
      await using fixture = await create();
      const { store } = fixture;
      const moments = [-1, 0, 1].flatMap((createdAt) =>
        [-30_000, 30_000].map((idOffset) => ({ createdAt: noon + createdAt, id: idAt(noon + idOffset) })),
      );
      for (const principal of ['anonymous', observePrincipal]) {
        const tasks = moments.map(({ createdAt, id }) =>
          sampleTask({
            spec: { id: `${id.slice(0, -1)}${principal.length % 10}`, createdAt, principal },
            life: ended,
          }),
        );
        await store.insert(tasks);
        expect(await store.forgetTasks({ createdBefore: noon, principal, limit: 10 })).toBe(2);
        expect(await left(store, tasks)).toEqual(ids(tasks.slice(2)));
      }
    });

    it.each([{ principal: undefined }, { principal: observePrincipal }, { principal: 'key:someone' }])(
      'never deletes an unfinished task, nor one whose end is not announced ($principal)',
      async ({ principal }) => {
        await using fixture = await create();
        const { store } = fixture;
        const tasks = taskStates.flatMap((state) =>
          [true, false].map((announced) => taskAt(noon, { state, announced }, principal)),
        );
        await store.insert(tasks);
        const gone = tasks.filter(({ life }) => isTerminal(life.state) && life.announced);
        const what = { createdBefore: noon + 1, limit: 100, ...(principal !== undefined && { principal }) };
        expect(await store.forgetTasks(what)).toBe(gone.length);
        expect(await left(store, tasks)).toEqual(ids(tasks.filter((task) => !gone.includes(task))));
      },
    );

    it('keeps what was created long ago and has ended only now, but for probes', async () => {
      await using fixture = await create();
      const { store } = fixture;
      const lateEnd = { ...ended, finishedAt: noon + 60 * minute };
      const late = taskAt(noon, lateEnd);
      const probe = taskAt(noon, lateEnd, observePrincipal);
      await store.insert([late, probe]);
      const soon = { createdBefore: noon + minute, limit: 10 };
      expect(await store.forgetTasks(soon)).toBe(0);
      expect(await store.forgetTasks({ ...soon, principal: observePrincipal })).toBe(1);
      expect(await left(store, [late, probe])).toEqual(ids([late]));
      expect(await store.forgetTasks({ createdBefore: noon + 61 * minute, limit: 10 })).toBe(1);
    });

    it('skips old unfinished tasks on its way to those that have ended', async () => {
      await using fixture = await create();
      const { store } = fixture;
      const tasks = Array.from({ length: 20 }, (_, n) => taskAt(noon + n, n % 5 === 4 ? ended : {}));
      await store.insert(tasks);
      expect(await store.forgetTasks({ createdBefore: noon + minute, limit: 3 })).toBe(3);
      expect(await left(store, tasks)).toEqual(ids(tasks.filter((_, n) => ![4, 9, 14].includes(n))));
    });

    it('takes the tasks of the principal that is named, and of nobody else', async () => {
      await using fixture = await create();
      const { store } = fixture;
      const principals = ['anonymous', observePrincipal, 'key:a', `${observePrincipal}r`];
      const tasks = Array.from({ length: 16 }, (_, n) => taskAt(noon + n, ended, principals[n % 4]));
      await store.insert(tasks);
      const of = (...named: string[]) => ids(tasks.filter(({ spec }) => named.includes(spec.principal)));
      const before = { createdBefore: noon + minute, limit: 100 };
      expect(await store.forgetTasks({ ...before, principal: 'nobody' })).toBe(0);
      expect(await store.forgetTasks({ ...before, principal: observePrincipal })).toBe(4);
      expect(await left(store, tasks)).toEqual(of('anonymous', 'key:a', `${observePrincipal}r`));
      expect(await store.forgetTasks({ ...before, principal: 'key:a' })).toBe(4);
      expect(await left(store, tasks)).toEqual(of('anonymous', `${observePrincipal}r`));
      expect(await store.forgetTasks(before)).toBe(8);
    });

    it('reaches a limit of thousands', async () => {
      await using fixture = await create();
      const { store } = fixture;
      for (let n = 0; n < 3; n += 1) await store.insert(sampleTasks(1_000, { life: ended }));
      expect(await store.forgetTasks({ createdBefore: noon + 1, limit: 2_500 })).toBe(2_500);
      expect(await store.forgetTasks({ createdBefore: noon + 1, limit: 2_500 })).toBe(500);
    });

    it('shares the work out among several callers', async () => {
      await using fixture = await create();
      const { store } = fixture;
      await store.insert(sampleTasks(600, { life: ended }));
      const answers = await Promise.all(
        Array.from({ length: 5 }, () => store.forgetTasks({ createdBefore: noon + 1, limit: 100 })),
      );
      const before = answers.reduce((sum, count) => sum + count, 0);
      expect(before + (await store.forgetTasks({ createdBefore: noon + 1, limit: 1_000 }))).toBe(600);
      expect((await store.list({}, { size: 1, after: null })).items).toEqual([]);
    });

    it('never takes a task that is retried at the same moment', async () => {
      await using fixture = await create();
      const { store } = fixture;
      const tasks = sampleTasks(200, { life: ended });
      await store.insert(tasks);
      const retried = tasks.map((task) =>
        success(task, { state: 'accepted', dueAt: noon, announced: false }),
      );
      const [refused, ...gone] = await Promise.all([
        store.apply(retried),
        ...Array.from({ length: 4 }, () => store.forgetTasks({ createdBefore: noon + 1, limit: 50 })),
      ]);
      const forgotten = gone.reduce((sum, count) => sum + count, 0);
      expect(refused).toHaveLength(forgotten);
      expect(await store.countUnfinished(1_000)).toBe(tasks.length - forgotten);
    });

    it('frees the key of what it deletes', async () => {
      await using fixture = await create();
      const { store } = fixture;
      const keyed = () => sampleTask({ spec: { idempotencyKey: 'k' }, life: ended });
      await store.insert([keyed()]);
      await store.forgetTasks({ createdBefore: noon + 1, limit: 1 });
      expect(await store.insert([keyed()])).toEqual([{ inserted: true }]);
    });
  });
}
