import { createMemoryBroker, createMemoryBus } from '@tenma/bus/memory';
import { emptyFleet, type FleetView } from '@tenma/fleet';
import {
  type Assignment,
  type Dispatch,
  type DispatchBatch,
  type JournalBatch,
  queues,
  type TaskEvent,
} from '@tenma/protocol';
import { silentLog, systemClock } from '@tenma/runtime';
import { expect, it } from 'vitest';
import type { Target } from './eligibility.ts';
import { dispatchForTest, fleetOf } from './fixture.ts';
import type { FleetObserver } from './fleet-observer.ts';
import { startRelay } from './relay.ts';

const task = dispatchForTest();

function observing(view: FleetView) {
  const counted: [string, number][] = [];
  const countSent = ({ key }: Target, slots: number) => void counted.push([key, slots]);
  const fleet = { view, sent: () => 0, countSent } as unknown as FleetObserver;
  return { fleet, counted };
}

it('who is refused for a stale epoch is told the one that was heard of', async () => {
  const base = { clock: systemClock(), log: silentLog(), random: Math.random };
  await using bus = createMemoryBus({ ...base, broker: createMemoryBroker(base) });
  const { fleet } = observing(emptyFleet);
  await using _relay = await startRelay({ ...base, bus, fleet }, { icId: 'ic', batchesAtOnce: 1 });
  const events: TaskEvent[] = [];
  const both = Promise.withResolvers<void>();
  await using _journal = await bus.consume(queues.journal, { prefetch: 1 }, ({ body }) => {
    events.push(...(body as JournalBatch).events);
    if (events.length === 2) both.resolve();
    return 'ack';
  });
  const batch = (epoch: number): DispatchBatch => ({
    le_id: 'le',
    active_region: 'here',
    epoch,
    avoid: [],
    tasks: [task],
  });
  for (const epoch of [5, 2]) await bus.publish(queues.ic, batch(epoch));
  await both.promise;
  const [fresh, stale] = events;
  expect(fresh).toMatchObject({ kind: 'waiting', reason: expect.stringMatching(/^no_eligible_worker/) });
  expect(fresh).not.toHaveProperty('epoch');
  expect(stale).toMatchObject({ kind: 'waiting', reason: expect.stringMatching(/^stale_epoch/), epoch: 5 });
});

it.each([
  { why: 'a task of the default priority', changes: {}, queue: 'q.here.echo-v1', slots: 1 },
  { why: 'a task of less', changes: { priority: 0 }, queue: 'q.here.echo-v1', slots: 1 },
  { why: 'an urgent task', changes: { priority: 6 }, queue: 'q.urgent', slots: 1 },
  {
    why: 'an urgent one where nobody listens for such',
    changes: { priority: 9, type: 'other' },
    queue: 'q.here.other-v1',
    slots: 1,
  },
  { why: 'one for a WEE', changes: { requires: { wee: 'b' } }, queue: 'own.here.b', slots: 1 },
  { why: 'one that says its cost', changes: { cost: 30 }, queue: 'q.here.echo-v1', slots: 30 },
] satisfies { why: string; changes: Partial<Dispatch>; queue: string; slots: number }[])(
  '$why goes to $queue, and counts with its slots',
  async ({ changes, queue, slots }) => {
    const base = { clock: systemClock(), log: silentLog(), random: Math.random };
    await using bus = createMemoryBus({ ...base, broker: createMemoryBroker(base) });
    for (const name of ['q.here.echo-v1', 'q.here.other-v1', 'q.urgent', 'own.here.b'])
      await bus.declareQueue(name, { kind: 'durable' });
    const { fleet, counted } = observing(
      fleetOf(
        { id: 'a', region: 'here', urgent_queue: 'q.urgent' },
        { id: 'b', region: 'here' },
        { id: 'c', region: 'here', type: 'other' },
      ),
    );
    await using _relay = await startRelay({ ...base, bus, fleet }, { icId: 'ic', batchesAtOnce: 1 });
    const arrived = Promise.withResolvers<Assignment>();
    await using _taken = await bus.consume(queue, { prefetch: 1 }, ({ body }) => {
      arrived.resolve(body as Assignment);
      return 'ack';
    });
    const sent = dispatchForTest({ not_after: base.clock.now() + 60_000, ...changes });
    const batch: DispatchBatch = { le_id: 'le', active_region: 'here', epoch: 1, avoid: [], tasks: [sent] };
    await bus.publish(queues.ic, batch);
    expect((await arrived.promise).placement).toMatchObject({ region: 'here', score: 0 });
    expect(counted.map(([, counts]) => counts)).toEqual([slots]);
  },
);
