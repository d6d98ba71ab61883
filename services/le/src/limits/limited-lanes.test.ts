import type { Dispatch } from '@tenma/protocol';
import { until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import { type Fabric, openFabric, type Replica } from './fixtures/dispatching.ts';

const times = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n));
const keyed = (key: string, concurrent: number) => ({ labels: { key }, limit: { key, concurrent } });

/** Ends every task as soon as it is sent; knows how many were out at once. */
function runAtOnce(fabric: Fabric, replica: Replica, keyOf: (dispatch: Dispatch) => string) {
  const out = new Map<string, number>();
  const most = new Map<string, number>();
  const ended: string[] = [];
  const finishing: Promise<void>[] = [];
  const count = (key: string, by: number) => {
    const now = (out.get(key) ?? 0) + by;
    out.set(key, now);
    most.set(key, Math.max(most.get(key) ?? 0, now));
  };
  fabric.onSent = (dispatches) => {
    for (const dispatch of dispatches) count(keyOf(dispatch), 1);
    setImmediate(() => {
      // Before the end is told: what it makes room for may be sent before this returns.
      for (const dispatch of dispatches) {
        count(keyOf(dispatch), -1);
        ended.push(keyOf(dispatch));
      }
      finishing.push(replica.finish(dispatches));
    });
  };
  return {
    most,
    ended,
    async [Symbol.asyncDispose]() {
      await new Promise(setImmediate);
      await Promise.all(finishing);
    },
  };
}

describe('tasks under a limit', () => {
  it('are kept to the limit of their key, and a flood of one key does not hold up another', async () => {
    await using fabric = await openFabric();
    const replica = fabric.replica({ holdsLease: true });
    const keys = new Map<string, string>();
    await using run = runAtOnce(fabric, replica, ({ id }) => keys.get(id) ?? '');
    const submit = async (key: string, count: number) => {
      fabric.active = false;
      for (const { spec } of await replica.submit(times(count, () => keyed(key, 5)))) keys.set(spec.id, key);
    };
    await submit('flood', 400);
    await submit('small', 20);
    fabric.active = true;
    await until(() => run.ended.length === 420, { what: 'all tasks to end' });
    expect(Object.fromEntries(run.most)).toEqual({ flood: 5, small: 5 });
    expect(run.ended.lastIndexOf('small')).toBeLessThan(100);
  });

  it('are kept to the limit of their type, which its keys share in turns', async () => {
    await using fabric = await openFabric();
    fabric.typeLimits.set('echo', { concurrent: 3 });
    const replica = fabric.replica({ holdsLease: true });
    const keys = new Map<string, string>();
    fabric.active = false;
    for (const { spec } of await replica.submit(times(200, () => keyed('flood', 100))))
      keys.set(spec.id, 'flood');
    for (const { spec } of await replica.submit(times(10, () => keyed('small', 100))))
      keys.set(spec.id, 'small');
    for (const { spec } of await replica.submit(times(10, () => ({})))) keys.set(spec.id, 'none');
    await using run = runAtOnce(fabric, replica, () => 'echo');
    fabric.active = true;
    await until(() => run.ended.length === 220, { what: 'all tasks to end' });
    expect(run.most.get('echo')).toBe(3);
    const order = fabric.sent.map(({ id }) => keys.get(id));
    expect(order.lastIndexOf('small')).toBeLessThan(100);
    expect(order.lastIndexOf('none')).toBeLessThan(100);
  });

  it('of a type that has a limit from now on are not sent straight any more', async () => {
    await using fabric = await openFabric();
    const replica = fabric.replica({ holdsLease: true });
    await replica.submit(times(4, () => ({})));
    await until(() => fabric.sent.length === 4, { what: 'the first tasks' });
    fabric.typeLimits.set('echo', { concurrent: 5 });
    await replica.submit(times(4, () => ({})));
    await until(() => fabric.sent.length === 5, { what: 'one more' });
    await replica.start(fabric.sent);
    await replica.finish(fabric.sent.slice(0, 2));
    await until(() => fabric.sent.length === 7, { what: 'two more' });
  });

  it('go on within their limit when the lease changes hands, whoever writes down the ends', async () => {
    await using fabric = await openFabric();
    const [first, second] = [fabric.replica({ holdsLease: true }), fabric.replica({ holdsLease: false })];
    await second.submit(times(12, () => keyed('a', 4)));
    await until(() => fabric.sent.length === 4, { what: 'the first to send' });
    await first.start(fabric.sent.slice(0, 2));
    first.lease.set(false);
    second.lease.set(true);
    await until(() => second.dispatcher.limitedOut === 4, { what: 'the second to count' });
    await second.dispatcher.poll();
    expect(second.dispatcher.waitingFor({ type: 'echo', limit: { key: 'a', concurrent: 4 } })).toBe(
      'held back: limit key a: 4 of 4 running',
    );
    expect(fabric.sent).toHaveLength(4);
    await first.finish(fabric.sent.slice(0, 3));
    await until(() => fabric.sent.length === 7, { what: 'as many as have ended' });
    await second.dispatcher.poll();
    expect([fabric.sent.length, second.dispatcher.limitedOut]).toEqual([7, 4]);
  });

  it('are left to the holder of the lease', async () => {
    await using fabric = await openFabric();
    const replica = fabric.replica({ holdsLease: false });
    const [task] = await replica.submit([keyed('a', 4), {}]);
    await until(() => fabric.sent.length === 1, { what: 'the one without a limit' });
    await replica.dispatcher.poll();
    expect(fabric.sent.map(({ id }) => id)).not.toContain(task?.spec.id);
    expect(task && replica.dispatcher.waitingFor(task.spec)).toBe(
      'under a limit, which another replica keeps: whether it has room is not known here',
    );
    expect(replica.dispatcher.waitingFor({ type: 'echo' })).toBeNull();
    replica.lease.set(true);
    await until(() => fabric.sent.length === 2, { what: 'the other' });
  });

  it('start at their rate, and are not looked for in between', async () => {
    await using fabric = await openFabric();
    const replica = fabric.replica({ holdsLease: true });
    const started = performance.now();
    await replica.submit(times(40, () => ({ limit: { key: 'a', per_s: 40 } })));
    await until(() => fabric.sent.length === 40, { what: 'all to be sent' });
    const tookMs = performance.now() - started;
    // The first second's may have come together while the lease was held.
    expect(tookMs).toBeGreaterThan(400);
    expect(fabric.claims).toBeLessThanOrEqual(60);
  });

  it('with one slot go by priority, the highest first', async () => {
    await using fabric = await openFabric();
    fabric.active = false;
    const replica = fabric.replica({ holdsLease: true });
    const priorities = [3, 9, 0, 5, 7, 1, 8, 2, 6, 4];
    await replica.submit(priorities.map((priority) => ({ priority, ...keyed('a', 1) })));
    await using _run = runAtOnce(fabric, replica, () => '');
    fabric.active = true;
    await until(() => fabric.sent.length === 10, { what: 'all to be sent' });
    expect(fabric.sent.map(({ priority }) => priority)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  });

  it('overtake others when they are urgent, also while the window of the others is full', async () => {
    await using fabric = await openFabric();
    const replica = fabric.replica({ holdsLease: true });
    await replica.submit(times(2_100, () => ({ priority: 1, ...keyed('flood', 10_000) })));
    await until(() => fabric.sent.length === 2_000, { what: 'the window to be full' });
    const urgent = await replica.submit([
      { priority: 9, ...keyed('vip', 1) },
      { priority: 6, ...keyed('flood', 10_000) },
    ]);
    await replica.submit([{ priority: 5, ...keyed('vip', 1) }]);
    await until(() => fabric.sent.length === 2_002, { what: 'the urgent ones' });
    expect(
      fabric.sent
        .slice(2_000)
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual(urgent.map(({ spec }) => spec.id).toSorted());
    await replica.dispatcher.poll();
    expect(fabric.sent).toHaveLength(2_002);
    await replica.start(fabric.sent.slice(0, 200));
    await until(() => fabric.sent.length === 2_102, { what: 'the rest of the flood' });
  });

  it('fill the room for urgent ones and no more of it, and go on as others start', async () => {
    await using fabric = await openFabric();
    const replica = fabric.replica({ holdsLease: true });
    await replica.submit(times(2_000, () => keyed('flood', 10_000)));
    await until(() => fabric.sent.length === 2_000, { what: 'the window to be full' });
    await replica.submit(
      times(8, (n) => times(80, () => ({ priority: 9, ...keyed(`vip ${n}`, 1_000) }))).flat(),
    );
    await until(() => fabric.sent.length >= 2_500, { what: 'the room of the urgent ones to be full' });
    await replica.dispatcher.poll();
    expect(fabric.sent).toHaveLength(2_500);
    await replica.start(fabric.sent.slice(0, 100));
    await until(() => fabric.sent.length === 2_600, { what: 'as many as have started' });
    await replica.start(fabric.sent.slice(2_000, 2_040));
    await until(() => fabric.sent.length === 2_640, { what: 'all' });
  });

  it('take turns under the limit of a type, the urgent first', async () => {
    await using fabric = await openFabric();
    fabric.typeLimits.set('echo', { concurrent: 1 });
    fabric.active = false;
    const replica = fabric.replica({ holdsLease: true });
    await replica.submit(times(20, (n) => keyed(`key ${n}`, 1)));
    await replica.submit(times(3, (n) => ({ priority: 7, ...keyed(`vip ${n}`, 1) })));
    await using _run = runAtOnce(fabric, replica, () => 'echo');
    fabric.active = true;
    await until(() => fabric.sent.length === 23, { what: 'all to be sent' });
    const order = fabric.sent.map(({ priority }) => priority);
    expect(order.lastIndexOf(7)).toBeLessThan(5);
  });

  it('of hundreds of keys are all found and sent', async () => {
    await using fabric = await openFabric();
    fabric.active = false;
    const replica = fabric.replica({ holdsLease: true });
    // More than one look at the store finds.
    await replica.submit(times(700, (n) => keyed(`key ${n}`, 1)));
    replica.lease.set(false);
    replica.lease.set(true);
    fabric.active = true;
    await until(() => fabric.sent.length === 700, { what: 'all to be sent', timeoutMs: 20_000 });
  }, 40_000);
});
