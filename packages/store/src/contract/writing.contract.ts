import { describe, expect, it } from 'vitest';
import { change, idAt, ids, newId, noon, sampleTask, sampleTasks, success } from './sample-task.ts';
import type { CreateFixture } from './store-fixture.ts';

export function writingContract(create: CreateFixture): void {
  describe('insert', () => {
    it('gives back what was put in, to the last character', async () => {
      await using fixture = await create();
      const task = sampleTask({
        spec: {
          labels: { team: 'sre', 'ünï "quoted"\n': 'a\\b\u0000\u2028 🐎', '1': '"x":"y"' },
          requires: { labels: ['ipv6'] },
          runAt: Number.MAX_SAFE_INTEGER,
          deadline: 0,
          principal: 'key:テンマ',
          idempotencyKey: 'with "quotes", {braces}, \u0000, \u001e, \ud800 and \\ backslash',
          traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        },
        life: {
          state: 'failed',
          reason: 'line\nbreak',
          placement: {
            region: 'eu-west-1',
            pool: 'probe-http.v1',
            score: 0.125,
            rejected: [{ pool: 'x', reason: 'full' }],
          },
          error: { code: 'unreachable', message: '№ \u0001', retryable: true, details: [null, { a: [] }] },
        },
        input: {
          nested: [{ deep: [[[{ '': null }]]] }],
          text: '\u0000\ud83d\ude00\ud800 \u001e',
          n: -1.5e-7,
          big: 2 ** 53 - 1,
        },
        output: [true, false, null, '', { z: 1, a: 2 }],
      });
      await expect(fixture.store.insert([task])).resolves.toEqual([{ inserted: true }]);
      expect(await fixture.store.get(task.spec.id)).toEqual(task);
    });

    it.each([[null], [false], [0], [''], [[]], [{}]])(
      'keeps %j as an input and as an output',
      async (value) => {
        await using fixture = await create();
        const task = { ...sampleTask(), input: value, output: value };
        await fixture.store.insert([task]);
        expect(await fixture.store.get(task.spec.id)).toEqual(task);
      },
    );

    it('takes nothing for an answer to nothing', async () => {
      await using fixture = await create();
      expect(await fixture.store.insert([])).toEqual([]);
      expect(await fixture.store.apply([])).toEqual([]);
      expect(await fixture.store.controls([])).toEqual([]);
    });

    it('takes a thousand tasks in one call, and a large one', async () => {
      await using fixture = await create();
      const tasks = sampleTasks(1_000, { input: 'x'.repeat(1_024) });
      const large = sampleTask({ input: 'é'.repeat(128 * 1_024) });
      const [outcomes] = await Promise.all([fixture.store.insert(tasks), fixture.store.insert([large])]);
      expect(outcomes.every((outcome) => outcome.inserted)).toBe(true);
      expect(await fixture.store.countUnfinished(2_000)).toBe(1_001);
      expect(await fixture.store.get(large.spec.id)).toEqual(large);
    });

    it('refuses a second task with the same principal and key, and shows the first', async () => {
      await using fixture = await create();
      const first = sampleTask({ spec: { idempotencyKey: 'k' } });
      await fixture.store.insert([first]);
      const second = sampleTask({ spec: { idempotencyKey: 'k' } });
      const other = sampleTask();
      const outcomes = await fixture.store.insert([second, other]);
      expect(outcomes).toEqual([
        { inserted: false, existing: { spec: first.spec, life: first.life } },
        { inserted: true },
      ]);
      expect(await fixture.store.get(second.spec.id)).toBeNull();
    });

    it('lets the first of two tasks with one key in one call win', async () => {
      await using fixture = await create();
      const tasks = ['b', 'a', 'b', 'a'].map((idempotencyKey) => sampleTask({ spec: { idempotencyKey } }));
      const outcomes = await fixture.store.insert(tasks);
      expect(outcomes.map((outcome) => (outcome.inserted ? null : outcome.existing.spec.id))).toEqual([
        null,
        null,
        tasks[0]?.spec.id,
        tasks[1]?.spec.id,
      ]);
    });

    it('lets one of many concurrent calls with one key win, and shows it to all others', async () => {
      await using fixture = await create();
      const tasks = Array.from({ length: 20 }, () => sampleTask({ spec: { idempotencyKey: 'k' } }));
      const outcomes = (await Promise.all(tasks.map((task) => fixture.store.insert([task])))).flat();
      const winner = tasks[outcomes.findIndex((outcome) => outcome.inserted)];
      expect(outcomes.filter((outcome) => outcome.inserted)).toHaveLength(1);
      for (const outcome of outcomes) {
        if (!outcome.inserted) expect(outcome.existing.spec.id).toBe(winner?.spec.id);
      }
    });

    it('keeps keys of different principals, and tasks without a key, apart', async () => {
      await using fixture = await create();
      const tasks = [
        sampleTask({ spec: { principal: 'a', idempotencyKey: 'k' } }),
        sampleTask({ spec: { principal: 'b', idempotencyKey: 'k' } }),
        ...sampleTasks(2, { spec: { principal: 'a' } }),
      ];
      expect((await fixture.store.insert(tasks)).every((outcome) => outcome.inserted)).toBe(true);
    });

    it('meets a task that is in already as itself, so that a lost answer can be asked for again', async () => {
      await using fixture = await create();
      const tasks = sampleTasks(3);
      await fixture.store.insert(tasks);
      const outcomes = await fixture.store.insert(tasks);
      expect(outcomes.map((outcome) => !outcome.inserted && outcome.existing.spec.id)).toEqual(ids(tasks));
    });
  });

  describe('get and controls', () => {
    it('find nothing under an unknown id or one that is none', async () => {
      await using fixture = await create();
      expect(await fixture.store.get(newId())).toBeNull();
      expect(await fixture.store.get("no-id' OR 1=1")).toBeNull();
      expect(await fixture.store.controls(['', newId()])).toEqual([]);
    });

    it('show the control part of those that exist', async () => {
      await using fixture = await create();
      const tasks = sampleTasks(3);
      await fixture.store.insert(tasks);
      const controls = await fixture.store.controls([...ids(tasks), newId()]);
      expect(controls).toHaveLength(3);
      expect(controls).toEqual(expect.arrayContaining(tasks.map(({ spec, life }) => ({ spec, life }))));
    });
  });

  describe('apply', () => {
    it('writes a life over the one it was computed from', async () => {
      await using fixture = await create();
      const task = sampleTask();
      await fixture.store.insert([task]);
      const end = {
        ...success(task, { attempt: 1, weeId: 'wee-1', finishedAt: noon + 1 }),
        output: { ok: true },
      };
      expect(await fixture.store.apply([end])).toEqual([]);
      expect(await fixture.store.get(task.spec.id)).toEqual({
        ...task,
        life: end.life,
        output: { ok: true },
      });
    });

    it('refuses a change computed from another revision, and an unknown id', async () => {
      await using fixture = await create();
      const [task, other] = [sampleTask(), sampleTask()];
      await fixture.store.insert([task, other]);
      const running = change(task, { state: 'running' });
      expect(await fixture.store.apply([running])).toEqual([]);
      const stale = success(task);
      const unknown = success(sampleTask());
      const refused = await fixture.store.apply([stale, success(other), unknown]);
      expect(refused.toSorted()).toEqual([stale.id, unknown.id].toSorted());
      expect((await fixture.store.get(task.spec.id))?.life).toEqual(running.life);
      expect((await fixture.store.get(other.spec.id))?.life.state).toBe('succeeded');
    });

    it('leaves the output alone unless the change brings one, be it null', async () => {
      await using fixture = await create();
      const task = sampleTask();
      await fixture.store.insert([task]);
      const first = { ...change(task, { state: 'running' }), output: [1] };
      await fixture.store.apply([first]);
      const second = change({ ...task, life: first.life }, { attempt: 2 });
      await fixture.store.apply([second]);
      expect((await fixture.store.get(task.spec.id))?.output).toEqual([1]);
      await fixture.store.apply([{ ...change({ ...task, life: second.life }, {}), output: null }]);
      expect((await fixture.store.get(task.spec.id))?.output).toBeNull();
    });

    it('writes several changes of one task in one call, one after the other', async () => {
      await using fixture = await create();
      const task = sampleTask();
      await fixture.store.insert([task]);
      const queued = change(task, { state: 'queued' });
      const running = { ...change({ ...task, life: queued.life }, { state: 'running' }), output: 1 };
      const rival = change({ ...task, life: queued.life }, { state: 'failed' });
      expect(await fixture.store.apply([queued, running, rival])).toEqual([task.spec.id]);
      const stored = await fixture.store.get(task.spec.id);
      expect(stored?.life).toEqual(running.life);
      expect(stored?.output).toBe(1);
    });

    it('lets one of many concurrent changes of a revision win', async () => {
      await using fixture = await create();
      const task = sampleTask();
      await fixture.store.insert([task]);
      const refused = await Promise.all(
        Array.from({ length: 20 }, (_, n) => fixture.store.apply([change(task, { reason: `rival ${n}` })])),
      );
      expect(refused.filter((answer) => answer.length === 0)).toHaveLength(1);
      const winner = refused.findIndex((answer) => answer.length === 0);
      expect((await fixture.store.get(task.spec.id))?.life.reason).toBe(`rival ${winner}`);
    });
  });

  describe('named values', () => {
    it('are written only over the value that was expected', async () => {
      await using fixture = await create();
      const { store } = fixture;
      expect(await store.read('epoch')).toBeNull();
      expect(await store.compareAndSet('epoch', '1', '2')).toBe(false);
      expect(await store.compareAndSet('epoch', null, '1')).toBe(true);
      expect(await store.compareAndSet('epoch', null, '9')).toBe(false);
      expect(await store.compareAndSet('epoch', '1', '2')).toBe(true);
      expect(await store.read('epoch')).toBe('2');
      expect(await store.read('other')).toBeNull();
    });

    it('have one winner among many', async () => {
      await using fixture = await create();
      const { store } = fixture;
      const first = await Promise.all(
        Array.from({ length: 10 }, (_, n) => store.compareAndSet('n', null, `${n}`)),
      );
      expect(first.filter(Boolean)).toHaveLength(1);
      const now = await store.read('n');
      const next = await Promise.all(
        Array.from({ length: 10 }, (_, n) => store.compareAndSet('n', now, `next ${n}`)),
      );
      expect(next.filter(Boolean)).toHaveLength(1);
    });
  });

  describe('task types', () => {
    const type = (name: string, version: string) => ({
      type: name,
      version,
      description: 'Ünïcode',
      input_schema: { type: 'object' },
      output_schema: {},
      timeout_ms: 1_000,
      retry: { max_attempts: 1, initial_ms: 0, factor: 1, cap_ms: 0 },
      cost: 'light' as const,
      example: { url: 'x' },
    });

    it('are remembered, the newest announcement of each', async () => {
      await using fixture = await create();
      const { store } = fixture;
      expect(await store.taskTypes()).toEqual([]);
      await store.saveTaskTypes([type('b', '1.0.0'), type('a', '2.0.0'), type('b', '1.1.0')]);
      await store.saveTaskTypes([type('a', '1.0.0')]);
      await store.saveTaskTypes([]);
      expect(await store.taskTypes()).toEqual([type('a', '1.0.0'), type('b', '1.1.0')]);
    });

    it('are forgotten by their names, and may come back', async () => {
      await using fixture = await create();
      const { store } = fixture;
      const [first, second, other] = [type('a@1', '1.0.0'), type('a@2', '2.0.0'), type('a', '1.0.0')];
      await store.saveTaskTypes([first, second, other]);
      await store.forgetTaskTypes(['a@2', 'nobody', 'a@1', 'a@2']);
      expect(await store.taskTypes()).toEqual([other]);
      await store.forgetTaskTypes([]);
      await store.saveTaskTypes([first]);
      expect(await store.taskTypes()).toEqual([other, first]);
    });
  });

  it('fails a call that is at fault without failing those that arrived with it', async () => {
    await using fixture = await create();
    const good = sampleTask({ spec: { id: idAt(noon) } });
    const broken = sampleTask({ life: { revision: null as unknown as number } });
    const [bad, ok] = await Promise.allSettled([
      fixture.store.insert([broken]),
      fixture.store.insert([good]),
    ]);
    expect(bad.status).toBe('rejected');
    expect(ok).toEqual({ status: 'fulfilled', value: [{ inserted: true }] });
    expect(await fixture.store.get(good.spec.id)).toEqual(good);
    expect(await fixture.store.get(broken.spec.id)).toBeNull();
  });
}
