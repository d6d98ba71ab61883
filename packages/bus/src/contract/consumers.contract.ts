import { describe, expect, test } from 'vitest';
import { collector, type ContractContext, durable, holder } from './context.ts';

export function consumersContract(context: ContractContext): void {
  describe('consumers', () => {
    test('gives back what a disposed consumer has not answered, and ignores its late answers', async () => {
      const { bus, queue } = context;
      await bus.declareQueue(queue, durable);
      const first = holder();
      const consumer = await bus.consume(queue, { prefetch: 2 }, first.handler);
      await bus.publish(queue, 'a');
      await bus.publish(queue, 'b');
      await first.count(2);
      await consumer[Symbol.asyncDispose]();
      await consumer[Symbol.asyncDispose]();
      const second = holder();
      await using _second = await bus.consume(queue, { prefetch: 2 }, second.handler);
      await second.count(2);
      for (const { answer } of first.held) answer('ack');
      await new Promise(setImmediate);
      expect(second.held.map(({ delivery }) => delivery)).toMatchObject([
        { body: 'a', redelivered: true, deliveryCount: 1 },
        { body: 'b', redelivered: true, deliveryCount: 1 },
      ]);
    });

    test('gives back what a disposed bus has not answered', async () => {
      const { bus, queue, fixture } = context;
      await bus.declareQueue(queue, durable);
      const other = await fixture.connect();
      const first = holder();
      await other.consume(queue, { prefetch: 1 }, first.handler);
      await bus.publish(queue, 'a');
      await first.count(1);
      await other[Symbol.asyncDispose]();
      const second = collector();
      await using _second = await bus.consume(queue, { prefetch: 1 }, second.handler);
      await second.count(1);
      expect(second.deliveries[0]?.redelivered).toBe(true);
    });

    test('hands out no more than the prefetch before an answer', async () => {
      const { bus, queue, depthIs } = context;
      await bus.declareQueue(queue, durable);
      const { handler, count, held } = holder();
      await using _consumer = await bus.consume(queue, { prefetch: 2 }, handler);
      await Promise.all(Array.from({ length: 6 }, (_, index) => bus.publish(queue, index)));
      await count(2);
      await depthIs(queue, 4);
      expect(held).toHaveLength(2);
      held[0]?.answer('ack');
      await count(3);
      await depthIs(queue, 3);
      expect(held).toHaveLength(3);
    });

    test('changes the prefetch of a running consumer, and loses nothing', async () => {
      const { bus, queue, depthIs } = context;
      await bus.declareQueue(queue, durable);
      const { handler, count, held } = holder();
      await using consumer = await bus.consume(queue, { prefetch: 1 }, handler);
      await Promise.all(Array.from({ length: 20 }, (_, index) => bus.publish(queue, index)));
      await count(1);
      await consumer.setPrefetch(4);
      await count(4);
      await consumer.setPrefetch(1);
      for (let index = 0; index < 20; index += 1) {
        await count(index + 1);
        held[index]?.answer('ack');
      }
      await depthIs(queue, 0);
      expect(new Set(held.map(({ delivery }) => delivery.body)).size).toBe(20);
      expect(held.every(({ delivery }) => !delivery.redelivered)).toBe(true);
    });

    test('keeps to a lowered prefetch once what was handed out is answered', async () => {
      const { bus, queue, depthIs } = context;
      await bus.declareQueue(queue, durable);
      const { handler, count, held } = holder();
      await using consumer = await bus.consume(queue, { prefetch: 4 }, handler);
      await Promise.all(Array.from({ length: 8 }, (_, index) => bus.publish(queue, index)));
      await count(4);
      await consumer.setPrefetch(1);
      for (const { answer } of held.slice(0, 4)) answer('ack');
      await count(5);
      await depthIs(queue, 3);
      expect(held).toHaveLength(5);
    });

    test('delivers nothing more after cancel, but takes answers to what was handed out', async () => {
      const { bus, queue, depthIs } = context;
      await bus.declareQueue(queue, durable);
      const { handler, count, held } = holder();
      await using consumer = await bus.consume(queue, { prefetch: 1 }, handler);
      await bus.publish(queue, 'a');
      await bus.publish(queue, 'b');
      await count(1);
      await consumer.cancel();
      held[0]?.answer('ack');
      await depthIs(queue, 1);
      await consumer[Symbol.asyncDispose]();
      const rest = collector();
      await using _rest = await bus.consume(queue, { prefetch: 1 }, rest.handler);
      await rest.count(1);
      expect(rest.deliveries).toMatchObject([{ body: 'b' }]);
      expect(held).toHaveLength(1);
    });
  });
}
