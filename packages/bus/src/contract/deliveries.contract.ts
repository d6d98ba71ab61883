import { until } from '@tenma/test-support';
import { describe, expect, test } from 'vitest';
import { deadLetterHeaders, UnroutableError } from '../bus.ts';
import { bodiesOf, collector, type ContractContext, durable, holder, transient } from './context.ts';

export function deliveriesContract(context: ContractContext): void {
  describe('publishing and consuming', () => {
    test.each([durable, transient])(
      'delivers in order, what JSON keeps of the body: $kind',
      async (options) => {
        const { bus, queue } = context;
        await bus.declareQueue(queue, options);
        const { handler, count, deliveries } = collector();
        await using _consumer = await bus.consume(queue, { prefetch: 10 }, handler);
        const bodies = Array.from({ length: 100 }, (_, index) => ({
          index,
          at: new Date(0),
          none: undefined,
        }));
        await Promise.all(bodies.map((body) => bus.publish(queue, body)));
        await count(100);
        expect(deliveries.map((delivery) => delivery.body)).toEqual(
          bodies.map(({ index }) => ({ index, at: '1970-01-01T00:00:00.000Z' })),
        );
        expect(deliveries[0]).toMatchObject({ queue, redelivered: false, deliveryCount: 0 });
      },
    );

    test('carries headers, and bodies beyond a frame', async () => {
      const { bus, queue } = context;
      await bus.declareQueue(queue, durable);
      const body = 'ä'.repeat(200_000);
      await bus.publish(queue, body, { headers: { traceparent: '00-1-2-00' } });
      const { handler, count, deliveries } = collector();
      await using _consumer = await bus.consume(queue, { prefetch: 1 }, handler);
      await count(1);
      expect(deliveries[0]?.body).toBe(body);
      expect(deliveries[0]?.headers['traceparent']).toBe('00-1-2-00');
    });

    test('keeps the order of a queue whatever the sizes of its bodies', async () => {
      const { bus, queue } = context;
      await bus.declareQueue(queue, durable);
      const sizes = [10, 2_000_000, 10, 20_000, 400_000, 10, 1_000_000, 15_000, 10];
      const bodies = sizes.map((size, n) => ({ n, text: `${n}ä`.repeat(size / 2) }));
      await Promise.all(bodies.map((body) => bus.publish(queue, body)));
      const { handler, count, deliveries } = collector();
      await using _consumer = await bus.consume(queue, { prefetch: 3 }, handler);
      await count(bodies.length);
      expect(bodiesOf(deliveries).map((body) => (body as { n: number }).n)).toEqual(sizes.map((_, n) => n));
      expect.assert(JSON.stringify(bodiesOf(deliveries)) === JSON.stringify(bodies), 'the same bodies');
    });

    test('refuses a body of more than 64 MiB', async () => {
      const { bus, queue, depthIs } = context;
      await bus.declareQueue(queue, durable);
      const publishing = (async () => bus.publish(queue, 'x'.repeat(64 * 1024 * 1024)))();
      await expect(publishing).rejects.toThrow(RangeError);
      await depthIs(queue, 0);
    });

    test('keeps a message whose publish has resolved until somebody consumes it', async () => {
      const { bus, queue, depthIs } = context;
      await bus.declareQueue(queue, durable);
      await bus.publish(queue, 'kept');
      await depthIs(queue, 1);
      const { handler, count, deliveries } = collector();
      await using _consumer = await bus.consume(queue, { prefetch: 1 }, handler);
      await count(1);
      expect(deliveries).toMatchObject([{ body: 'kept' }]);
      await depthIs(queue, 0);
    });

    test('rejects a publish to a queue that does not exist, and goes on with the others', async () => {
      const { bus, queue, depthIs } = context;
      await bus.declareQueue(queue, durable);
      const outcomes = await Promise.allSettled([
        bus.publish(queue, 1),
        bus.publish('no-such-queue', 2),
        bus.publish(queue, 3),
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      expect((outcomes[1] as PromiseRejectedResult).reason).toBeInstanceOf(UnroutableError);
      await depthIs(queue, 2);
    });

    test('refuses to consume from a queue that does not exist', async () => {
      const { bus } = context;
      await expect(bus.consume('no-such-queue', { prefetch: 1 }, () => 'ack')).rejects.toThrow(
        UnroutableError,
      );
    });

    test('shares the messages of a queue among its consumers', async () => {
      const { bus, queue, fixture } = context;
      await bus.declareQueue(queue, durable);
      const left = collector();
      const right = collector();
      await using _left = await bus.consume(queue, { prefetch: 1 }, left.handler);
      await using other = await fixture.connect();
      await using _right = await other.consume(queue, { prefetch: 1 }, right.handler);
      await Promise.all(Array.from({ length: 40 }, (_, index) => bus.publish(queue, index)));
      await until(() => left.deliveries.length + right.deliveries.length === 40);
      expect(new Set([...bodiesOf(left.deliveries), ...bodiesOf(right.deliveries)]).size).toBe(40);
      expect(left.deliveries.length).toBeGreaterThan(0);
      expect(right.deliveries.length).toBeGreaterThan(0);
    });
  });

  describe('answers', () => {
    test("delivers again what was answered 'retry', and says how often it did", async () => {
      const { bus, queue, depthIs } = context;
      await bus.declareQueue(queue, durable);
      const { handler, count, deliveries } = collector((_, nth) => (nth < 3 ? 'retry' : 'ack'));
      await using _consumer = await bus.consume(queue, { prefetch: 1 }, handler);
      await bus.publish(queue, 'again');
      await count(3);
      expect(deliveries.map(({ redelivered }) => redelivered)).toEqual([false, true, true]);
      expect(deliveries.map(({ deliveryCount }) => deliveryCount)).toEqual([0, 1, 2]);
      await depthIs(queue, 0);
    });

    test('takes a handler that throws or rejects for one that wants a retry', async () => {
      const { bus, queue } = context;
      await bus.declareQueue(queue, durable);
      const { handler, count, deliveries } = collector((_, nth) => {
        if (nth === 1) throw new Error('a bug');
        return nth === 2 ? Promise.reject(new Error('another')) : 'ack';
      });
      await using _consumer = await bus.consume(queue, { prefetch: 1 }, handler);
      await bus.publish(queue, 'again');
      await count(3);
      expect(deliveries.at(-1)?.redelivered).toBe(true);
    });

    test.each([durable, transient])(
      "moves what was answered 'drop' to the dead queue: $kind",
      async (options) => {
        const { bus, queue, fixture, depthIs } = context;
        await bus.declareQueue(queue, options);
        await using _consumer = await bus.consume(queue, { prefetch: 1 }, () => 'drop');
        const dead = collector();
        await using _dead = await bus.consume(fixture.deadQueue, { prefetch: 1 }, dead.handler);
        await bus.publish(queue, { dropped: queue }, { headers: { traceparent: 't' } });
        await dead.count(1);
        expect(dead.deliveries[0]).toMatchObject({
          body: { dropped: queue },
          headers: {
            traceparent: 't',
            [deadLetterHeaders.queue]: queue,
            [deadLetterHeaders.reason]: 'dropped',
          },
        });
        await depthIs(queue, 0);
      },
    );

    test('moves a message to the dead queue after as many deliveries as the limit says', async () => {
      const { bus, queue, fixture } = context;
      await bus.declareQueue(queue, { kind: 'durable', deliveryLimit: 3 });
      const { handler, deliveries } = collector(() => 'retry');
      await using _consumer = await bus.consume(queue, { prefetch: 1 }, handler);
      const dead = collector();
      await using _dead = await bus.consume(fixture.deadQueue, { prefetch: 1 }, dead.handler);
      await bus.publish(queue, 'poison');
      await dead.count(1);
      expect(deliveries).toHaveLength(3);
      expect(dead.deliveries[0]).toMatchObject({
        body: 'poison',
        headers: { [deadLetterHeaders.reason]: 'delivery_limit' },
      });
    });

    test('moves what is not JSON to the dead queue, and delivers it from there as text', async () => {
      const { bus, queue, fixture } = context;
      await bus.declareQueue(queue, durable);
      const { handler, count, deliveries } = collector();
      await using _consumer = await bus.consume(queue, { prefetch: 5 }, handler);
      const dead = collector();
      await using _dead = await bus.consume(fixture.deadQueue, { prefetch: 1 }, dead.handler);
      await fixture.inject(queue, '{not json');
      await bus.publish(queue, 'json');
      await dead.count(1);
      await count(1);
      expect(deliveries).toMatchObject([{ body: 'json' }]);
      expect(dead.deliveries[0]).toMatchObject({
        body: '{not json',
        headers: { [deadLetterHeaders.reason]: 'not_json' },
      });
    });

    test('takes answers in any order', async () => {
      const { bus, queue, depthIs } = context;
      await bus.declareQueue(queue, durable);
      const { handler, count, held } = holder();
      const consumer = await bus.consume(queue, { prefetch: 6 }, handler);
      await Promise.all(Array.from({ length: 6 }, (_, index) => bus.publish(queue, index)));
      await count(6);
      // 0 and 3 stay unanswered.
      for (const index of [5, 1, 4, 2]) held[index]?.answer('ack');
      await new Promise(setImmediate);
      await consumer[Symbol.asyncDispose]();
      await depthIs(queue, 2);
      const rest = collector();
      await using _again = await bus.consume(queue, { prefetch: 6 }, rest.handler);
      await rest.count(2);
      expect(bodiesOf(rest.deliveries)).toEqual([0, 3]);
    });
  });
}
