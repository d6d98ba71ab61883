import { createMemoryBroker, createMemoryBus } from '@tenma/bus/memory';
import { emptyFleet } from '@tenma/fleet';
import { type DispatchBatch, type JournalBatch, queues, type TaskEvent } from '@tenma/protocol';
import { silentLog, systemClock } from '@tenma/runtime';
import { expect, it } from 'vitest';
import { dispatchForTest } from './fixture.ts';
import type { FleetObserver } from './fleet-observer.ts';
import { startRelay } from './relay.ts';

const task = dispatchForTest();

it('who is refused for a stale epoch is told the one that was heard of', async () => {
  const base = { clock: systemClock(), log: silentLog(), random: Math.random };
  await using bus = createMemoryBus({ ...base, broker: createMemoryBroker(base) });
  const fleet = { view: emptyFleet, sent: () => 0, countSent() {} } as unknown as FleetObserver;
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
