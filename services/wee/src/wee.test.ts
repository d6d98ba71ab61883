import { createMemoryBroker, createMemoryBus } from '@tenma/bus/memory';
import { poolQueue, type TaskEvent } from '@tenma/protocol';
import { silentLog, systemClock } from '@tenma/runtime';
import { until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import { answerFrom, assignment, identity, readJournal, resultsForTest } from './fixture.ts';
import { queueOptions } from './pools/pool.ts';
import { startWee } from './wee.ts';

const base = { clock: systemClock(), log: silentLog(), random: Math.random };
const queue = poolQueue(identity.region, 'echo-v1');
const options = {
  ...identity,
  version: '0',
  packages: ['@tenma/workers/testing'],
  environment: {},
  processes: 1,
};

const ofKind = (events: readonly TaskEvent[], kind: TaskEvent['kind']) =>
  events.filter((event) => event.kind === kind);

describe('a WEE that comes back to a region that was left', () => {
  it('runs none of what was placed before, and all that is placed since', async () => {
    await using bus = createMemoryBus({ ...base, broker: createMemoryBroker(base) });
    await using journal = await readJournal(bus);
    await bus.declareQueue(queue, queueOptions);
    const stale = Array.from({ length: 50 }, (_, n) =>
      assignment(n, { region: n % 2 === 0 ? 'active' : 'any' }),
    );
    const fresh = [
      assignment(50, { region: 'active', epoch: 3 }),
      assignment(51, { region: identity.region }),
    ];
    for (const body of [...stale, ...fresh]) await bus.publish(queue, body);
    const left = new Map([
      ['elsewhere', 2],
      [identity.region, 3],
    ]);
    await using _le = await answerFrom(bus, left, 3);
    const { results } = resultsForTest();
    await using _wee = await startWee({ ...base, bus, results }, options);

    const over = () => journal.events.filter(({ kind }) => kind !== 'started').length;
    await until(() => over() >= 52, { what: 'an end of all assignments' });
    const ran = ofKind(journal.events, 'finished').map(({ task_id }) => task_id);
    expect(ran.sort()).toEqual(fresh.map(({ id }) => id).sort());
    for (const { task_id } of ofKind(journal.events, 'started')) expect(ran).toContain(task_id);
    const returned = ofKind(journal.events, 'returned');
    expect(returned.map(({ task_id }) => task_id).sort()).toEqual(stale.map(({ id }) => id).sort());
    for (const event of returned) expect(event).toMatchObject({ reason: 'voided', epoch: 3 });
  });
});

describe('a WEE that starts', () => {
  it('is draining, with no pool, until it was told the epoch; then it is online', async () => {
    await using bus = createMemoryBus({ ...base, broker: createMemoryBroker(base) });
    const { results, presences } = resultsForTest();
    await using _le = await answerFrom(bus, new Map(), 1);
    await using _wee = await startWee({ ...base, bus, results }, options);
    expect(presences[0]).toMatchObject({ status: 'draining', pools: [], types: [] });
    expect(presences.at(-1)).toMatchObject({ status: 'online' });
    expect((presences.at(-1) as { pools: unknown[] }).pools.length).toBeGreaterThan(0);
  });
});
