import { manualClock, silentLog } from '@tenma/runtime';
import { expect, test } from 'vitest';
import { busContract, testComponents } from '../bus.contract.ts';
import { createMemoryBroker, createMemoryBus } from './index.ts';

busContract({
  name: 'memory',
  async create() {
    const broker = createMemoryBroker(testComponents);
    const bus = createMemoryBus({ ...testComponents, broker });
    await bus.declareQueue('tenma.dead', { kind: 'durable' });
    return {
      connect: async () => createMemoryBus({ ...testComponents, broker }),
      inject: async (queue, text) => broker.inject(queue, text),
      deadQueue: 'tenma.dead',
      [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
    };
  },
});

const log = silentLog();

test('expires messages by the clock it was given', async () => {
  const clock = manualClock();
  await using bus = createMemoryBus({ broker: createMemoryBroker({ clock }), clock, log });
  await bus.declareQueue('q', { kind: 'transient', messageTtlMs: 30_000 });
  await bus.publish('q', 1);
  await clock.advance(29_999);
  expect(await bus.depth('q')).toBe(1);
  await clock.advance(1);
  expect(await bus.depth('q')).toBe(0);
});

test('keeps namespaces of one broker apart', async () => {
  const broker = createMemoryBroker(testComponents);
  await using left = createMemoryBus({ ...testComponents, broker }, { namespace: 'left.' });
  await using right = createMemoryBus({ ...testComponents, broker }, { namespace: 'right.' });
  await left.declareQueue('q', { kind: 'durable' });
  expect(await left.depth('q')).toBe(0);
  expect(await right.depth('q')).toBeNull();
});

test('takes a hundred thousand waiting messages in linear time', async () => {
  await using bus = createMemoryBus({ ...testComponents, broker: createMemoryBroker(testComponents) });
  await bus.declareQueue('q', { kind: 'durable' });
  const count = 100_000;
  for (let index = 0; index < count; index += 1) void bus.publish('q', index);
  let taken = 0;
  await new Promise<void>((resolve) => {
    void bus.consume('q', { prefetch: 1 }, ({ body }) => {
      expect.assert(body === taken, 'in order');
      taken += 1;
      if (taken === count) resolve();
      return 'ack';
    });
  });
});
