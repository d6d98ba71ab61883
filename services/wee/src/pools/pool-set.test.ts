import { createMemoryBroker, createMemoryBus } from '@tenma/bus/memory';
import type { Verdict } from '@tenma/bus';
import { poolQueue, type TaskType } from '@tenma/protocol';
import { silentLog, systemClock } from '@tenma/runtime';
import { until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import { assignment, identity } from '../fixture.ts';
import type { PoolWorkers } from '../releases/interfaces.ts';
import { createPoolSet, type PoolSet } from './pool-set.ts';

const base = { clock: systemClock(), log: silentLog(), random: Math.random };

function workersOf(type: string): PoolWorkers {
  return {
    type: { type, version: '1.0.0', cost: 'light' } as TaskType,
    major: 1,
    slots: 100,
    meanMs: null,
    slotsOf: () => 1,
    start: () => {
      throw new Error('nothing is started here');
    },
  };
}

function setUp(run: () => Promise<Verdict> = () => Promise.resolve('ack')) {
  const bus = createMemoryBus({ ...base, broker: createMemoryBroker(base) });
  const roster = { pools: [workersOf('echo'), workersOf('sleep')] };
  const set = createPoolSet(
    { ...base, bus, roster },
    {
      region: identity.region,
      labels: [],
      async run(_, pool) {
        pool.counters.ending += 1;
        const verdict = await run();
        pool.counters.ending -= 1;
        return verdict;
      },
    },
  );
  return { bus, roster, set };
}

const namesOf = (set: PoolSet) => set.open.map(({ name }) => name);

describe('the pools of a WEE', () => {
  it('come and go with its roster', async () => {
    const { bus, roster, set } = setUp();
    await using _bus = bus;
    await using _set = set;
    await set.follow();
    expect(namesOf(set)).toEqual(['echo-v1', 'sleep-v1']);
    roster.pools = [workersOf('crash'), ...roster.pools.slice(1)];
    await set.follow();
    expect(namesOf(set).sort()).toEqual(['crash-v1', 'sleep-v1']);
  });

  it('open without one that cannot be, which is tried again by itself', async () => {
    const { bus, set } = setUp();
    await using _bus = bus;
    await using _set = set;
    const queue = poolQueue(identity.region, 'echo-v1');
    const declare = bus.declareQueue.bind(bus);
    let broken = true;
    bus.declareQueue = (name, options) =>
      broken && name === queue ? Promise.reject(new Error('not now')) : declare(name, options);
    await expect(set.follow()).rejects.toThrow('not now');
    expect(namesOf(set)).toEqual(['sleep-v1']);
    broken = false;
    await until(() => set.open.length === 2, { what: 'the other pool' });
  });

  it('are busy as long as one that has gone reports what it ran', async () => {
    const { promise: told, resolve } = Promise.withResolvers<Verdict>();
    const { bus, roster, set } = setUp(() => told);
    await using _bus = bus;
    await using _set = set;
    await set.follow();
    expect(set.busy).toBe(false);
    await bus.publish(poolQueue(identity.region, 'echo-v1'), assignment(1));
    await until(() => set.busy, { what: 'the assignment being taken' });
    roster.pools = [];
    await set.follow();
    expect(set.open).toEqual([]);
    expect(set.busy).toBe(true);
    resolve('ack');
    await until(() => !set.busy, { what: 'the end of the pool' });
  });
});
