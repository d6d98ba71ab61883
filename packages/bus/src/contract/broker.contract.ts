import { until } from '@tenma/test-support';
import { describe, expect, test } from 'vitest';
import { BusUnavailableError, QueueConflictError } from '../bus.ts';
import { collector, type ContractContext, durable, transient } from './context.ts';

export function brokerContract(context: ContractContext): void {
  describe('queues', () => {
    test('declares a queue as often as it is asked to', async () => {
      const { bus, queue, depthIs } = context;
      await bus.declareQueue(queue, durable);
      await bus.publish(queue, 1);
      await bus.declareQueue(queue, durable);
      await depthIs(queue, 1);
    });

    test('refuses to declare a queue that exists with other options', async () => {
      const { bus, queue, fixture } = context;
      await bus.declareQueue(queue, durable);
      const other = await fixture.connect();
      await expect(other.declareQueue(queue, { kind: 'durable', messageTtlMs: 1_000 })).rejects.toThrow(
        QueueConflictError,
      );
      await other[Symbol.asyncDispose]();
      await bus.publish(queue, 1);
    });

    test.each([durable, transient])(
      'drops messages older than the TTL of the queue: $kind',
      async ({ kind }) => {
        const { bus, queue, depthIs } = context;
        await bus.declareQueue(queue, { kind, messageTtlMs: 100 });
        await bus.publish(queue, 'old');
        await depthIs(queue, 0);
        const { handler, count, deliveries } = collector();
        await using _consumer = await bus.consume(queue, { prefetch: 1 }, handler);
        await bus.publish(queue, 'new');
        await count(1);
        expect(deliveries).toMatchObject([{ body: 'new' }]);
      },
    );

    test('drops a message older than its own TTL', async () => {
      const { bus, queue, depthIs } = context;
      await bus.declareQueue(queue, durable);
      await bus.publish(queue, 'old', { ttlMs: 50 });
      await bus.publish(queue, 'new', { ttlMs: 60_000 });
      await depthIs(queue, 1);
      const { handler, count, deliveries } = collector();
      await using _consumer = await bus.consume(queue, { prefetch: 1 }, handler);
      await count(1);
      expect(deliveries).toMatchObject([{ body: 'new' }]);
    });

    test('says how many messages are ready, and null of a queue that does not exist', async () => {
      const { bus, queue, depthIs } = context;
      expect(await bus.depth(queue)).toBeNull();
      await bus.declareQueue(queue, durable);
      expect(await bus.depth(queue)).toBe(0);
      await bus.publish(queue, 1);
      await bus.publish(queue, 2);
      await depthIs(queue, 2);
    });

    test('removes a queue that nobody consumed from for as long as it says', async () => {
      const { bus, queue } = context;
      await bus.declareQueue(queue, { kind: 'transient', expiresMs: 3_000 });
      const consumer = await bus.consume(queue, { prefetch: 1 }, () => 'ack');
      expect(await bus.depth(queue)).toBe(0);
      await consumer[Symbol.asyncDispose]();
      // Asking counts as use with some brokers: slower than the expiry.
      await until(async () => (await bus.depth(queue)) === null, { everyMs: 3_500, timeoutMs: 20_000 });
    });
  });

  describe('broadcasts', () => {
    test('reach every subscriber of the moment, in order, and nobody else', async () => {
      const { bus, fixture, queue: exchange } = context;
      await using other = await fixture.connect();
      const left: unknown[] = [];
      const right: unknown[] = [];
      await bus.broadcast(exchange, 'before anybody listens');
      await using _left = await bus.subscribe(exchange, (body) => left.push(body));
      const gone = await other.subscribe(exchange, (body) => right.push(body));
      await bus.broadcast(exchange, { n: 1 });
      await bus.broadcast(exchange, { n: 2 });
      await until(() => left.length === 2 && right.length === 2);
      await gone[Symbol.asyncDispose]();
      await bus.broadcast(exchange, { n: 3 });
      await until(() => left.length === 3);
      expect(left).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
      expect(right).toEqual([{ n: 1 }, { n: 2 }]);
    });

    test('keep their order whatever their sizes', async () => {
      const { bus, queue: exchange } = context;
      const seen: string[] = [];
      await using _subscription = await bus.subscribe(exchange, (body) => seen.push(String(body)));
      const bodies = [5, 1_000_000, 5, 30_000, 5].map((size, n) => String(n).repeat(size));
      // The first one makes the exchange.
      await bus.broadcast(exchange, bodies[0]);
      await Promise.all(bodies.slice(1).map((body) => bus.broadcast(exchange, body)));
      await until(() => seen.length === bodies.length);
      expect.assert(seen.join() === bodies.join(), 'the same bodies in the same order');
    });

    test('survive a subscriber that throws', async () => {
      const { bus } = context;
      const seen: unknown[] = [];
      await using _subscription = await bus.subscribe('throwing', (body) => {
        seen.push(body);
        throw new Error('a bug');
      });
      await bus.broadcast('throwing', 1);
      await bus.broadcast('throwing', 2);
      await until(() => seen.length === 2);
    });
  });

  describe('the marker', () => {
    test('is null until it is written, and is then the last thing written', async () => {
      const { bus, queue, depthIs } = context;
      expect(await bus.readMarker(queue)).toBeNull();
      await bus.writeMarker(queue, { generation: 1 });
      expect(await bus.readMarker(queue)).toEqual({ generation: 1 });
      await bus.writeMarker(queue, { generation: 2 });
      expect(await bus.readMarker(queue)).toEqual({ generation: 2 });
      expect(await bus.readMarker(queue)).toEqual({ generation: 2 });
      await depthIs(queue, 1);
    });

    test('is seen by several readers at once', async () => {
      const { bus, queue, fixture } = context;
      await bus.writeMarker(queue, 'there');
      const readers = await Promise.all(Array.from({ length: 4 }, () => fixture.connect()));
      const seen = await Promise.all(readers.map((reader) => reader.readMarker(queue)));
      expect(seen).toEqual(['there', 'there', 'there', 'there']);
      await Promise.all(readers.map((reader) => reader[Symbol.asyncDispose]()));
    });

    test('never looks absent, nor goes back, while it is rewritten', async () => {
      const { bus, queue, fixture } = context;
      await bus.writeMarker(queue, 0);
      await using other = await fixture.connect();
      const seen: unknown[] = [];
      let writing = true;
      const read = async () => {
        while (writing) seen.push(await other.readMarker(queue));
      };
      const write = async () => {
        for (let generation = 1; generation <= 10; generation += 1) await bus.writeMarker(queue, generation);
        writing = false;
      };
      await Promise.all([read(), write()]);
      expect(seen).toEqual(seen.toSorted((left, right) => Number(left) - Number(right)));
      expect(seen).not.toContain(null);
      expect(await other.readMarker(queue)).toBe(10);
    });
  });

  describe('the life of a bus', () => {
    test('tells its status and every change of it, until the listener is disposed', async () => {
      const { fixture } = context;
      const other = await fixture.connect();
      expect(other.status).toBe('connected');
      const seen: string[] = [];
      const unheard: string[] = [];
      other.onStatus((status) => seen.push(status));
      other.onStatus((status) => unheard.push(status))[Symbol.dispose]();
      await other[Symbol.asyncDispose]();
      expect(seen).toEqual(['closed']);
      expect(unheard).toEqual([]);
    });

    test('is disposed twice without harm, and refuses everything afterwards', async () => {
      const { queue, fixture } = context;
      const other = await fixture.connect();
      await other[Symbol.asyncDispose]();
      await other[Symbol.asyncDispose]();
      expect(other.status).toBe('closed');
      await expect(other.publish(queue, 1)).rejects.toThrow(BusUnavailableError);
      await expect(other.depth(queue)).rejects.toThrow(BusUnavailableError);
      await expect(other.consume(queue, { prefetch: 1 }, () => 'ack')).rejects.toThrow(BusUnavailableError);
      await expect(other.declareQueue(queue, durable)).rejects.toThrow(BusUnavailableError);
      await expect(other.broadcast('x', 1)).rejects.toThrow(BusUnavailableError);
      await expect(other.readMarker(queue)).rejects.toThrow(BusUnavailableError);
    });
  });
}
