import { canStartRabbitmq, type RabbitmqServer, startRabbitmq } from '@tenma/test-support/rabbitmq';
import { until } from '@tenma/test-support';
import { connect } from 'amqplib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Bus, BusUnavailableError, QueueConflictError } from '../bus.ts';
import { collector, durable, holder, testComponents } from '../contract/context.ts';
import { createAmqpBus } from './index.ts';

/** Every boot of a node takes 5 to 10 s, more on a busy machine; a test here waits for up to two of them. */
const bootMs = 60_000;

const statusIs = (bus: Bus, status: string) =>
  until(() => bus.status === status, { timeoutMs: bootMs, what: `the status ${status}` });

describe.skipIf(!canStartRabbitmq())(
  'an AMQP bus whose broker comes and goes',
  { timeout: 2 * bootMs },
  () => {
    let server: RabbitmqServer;
    let bus: Bus;
    let number = 0;
    let queue = '';

    beforeAll(async () => {
      server = await startRabbitmq({ started: false });
    });
    afterAll(() => server[Symbol.asyncDispose]());
    beforeEach(() => {
      number += 1;
      queue = `q${number}`;
      bus = createAmqpBus(testComponents, { url: server.url, name: 'reconnect test' });
    });
    afterEach(() => bus[Symbol.asyncDispose]());

    test('records wishes while there is no broker, refuses messages, and connects when it appears', async () => {
      expect(bus.status).toBe('connecting');
      await expect(bus.publish(queue, 1)).rejects.toThrow(BusUnavailableError);
      await expect(bus.depth(queue)).rejects.toThrow(BusUnavailableError);
      await expect(bus.readMarker(queue)).rejects.toThrow(BusUnavailableError);
      await bus.declareQueue(queue, durable);
      const { handler, count, deliveries } = collector();
      await bus.consume(queue, { prefetch: 10 }, handler);
      const heard: unknown[] = [];
      await bus.subscribe('x', (body) => heard.push(body));

      await server.start();
      await statusIs(bus, 'connected');
      await bus.publish(queue, 'after all');
      await count(1);
      expect(deliveries[0]?.body).toBe('after all');
      await until(async () => {
        await bus.broadcast('x', 'news');
        return heard.length > 0;
      });
    });

    test('survives a broker that is killed: messages, consumers and subscriptions are back with it', async () => {
      await statusIs(bus, 'connected');
      const statuses: string[] = [];
      bus.onStatus((status) => statuses.push(status));
      const idle = `${queue}.idle`;
      await bus.declareQueue(idle, durable);
      await bus.declareQueue(queue, durable);
      await bus.publish(idle, 'durable');
      await bus.writeMarker(`${queue}.marker`, 'still here');
      const { handler, count, held } = holder();
      const consumer = await bus.consume(queue, { prefetch: 10 }, handler);
      const heard: unknown[] = [];
      await bus.subscribe('x', (body) => heard.push(body));
      await bus.publish(queue, 'in hand');
      await count(1);

      await until(() => server.hasRecorded(queue, idle, `${queue}.marker`), {
        what: 'the queues being on disk',
      });
      const onTheirWay = Array.from({ length: 200 }, (_, index) => bus.publish(idle, index));
      const outcomes = Promise.allSettled(onTheirWay);
      await server.stop('SIGKILL');
      const confirmed = (await outcomes).filter(({ status }) => status === 'fulfilled').length;
      for (const outcome of await outcomes) {
        if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(BusUnavailableError);
      }
      await statusIs(bus, 'connecting');
      await expect(bus.publish(queue, 'too late')).rejects.toThrow(BusUnavailableError);
      // Answered on a channel that is no more: the message comes again.
      held[0]?.answer('ack');
      await consumer.setPrefetch(5);

      await server.start();
      await statusIs(bus, 'connected');
      expect(statuses).toEqual(['connecting', 'connected']);
      await count(2);
      expect(held[1]?.delivery).toMatchObject({ body: 'in hand', redelivered: true });
      held[1]?.answer('ack');
      await bus.publish(queue, 'new');
      await count(3);
      held[2]?.answer('ack');
      await until(async () => ((await bus.depth(idle)) ?? 0) >= 1 + confirmed);
      expect(await bus.readMarker(`${queue}.marker`)).toBe('still here');
      await until(async () => {
        await bus.broadcast('x', 'news');
        return heard.length > 0;
      });
    });

    test('gives up on a broker that hangs, and goes on when it does', async () => {
      await statusIs(bus, 'connected');
      await bus.declareQueue(queue, durable);
      server.freeze();
      const publish = bus.publish(queue, 'may or may not arrive', { timeoutMs: 100 });
      await expect(publish).rejects.toThrow(/did not confirm in time/);
      await expect(publish).rejects.toThrow(BusUnavailableError);
      server.thaw();
      await bus.publish(queue, 'arrives');
      await until(async () => (await bus.depth(queue)) === 2);
    });

    test('refuses messages while the broker is out of disk, and still consumes', async () => {
      await statusIs(bus, 'connected');
      await bus.declareQueue(queue, durable);
      const { handler, count, held } = holder();
      await bus.consume(queue, { prefetch: 1 }, handler);
      await bus.publish(queue, 1);
      await bus.publish(queue, 2);
      await count(1);
      await server.control('set_disk_free_limit', '1000000000000000');
      // A broker tells those who publish, when they do.
      const first = bus.publish(queue, 3, { timeoutMs: 500 });
      await expect(first).rejects.toThrow(BusUnavailableError);
      await statusIs(bus, 'blocked');
      await expect(bus.publish(queue, 4)).rejects.toThrow(/out of memory or disk/);
      held[0]?.answer('ack');
      await count(2);
      await server.control('set_disk_free_limit', '1000000');
      await statusIs(bus, 'connected');
      await bus.publish(queue, 5);
    });

    test('declares again what a wiped broker has lost, but not the marker', async () => {
      await statusIs(bus, 'connected');
      await bus.declareQueue(queue, durable);
      await bus.writeMarker(`${queue}.marker`, 1);
      const { handler, count } = collector();
      await bus.consume(queue, { prefetch: 1 }, handler);
      const raw = await connect(server.url);
      const channel = await raw.createChannel();
      await channel.deleteQueue(`${queue}.marker`);
      await channel.deleteQueue(queue);
      await raw.close();
      expect(await bus.readMarker(`${queue}.marker`)).toBeNull();
      // The consumer was cancelled by the broker; it brings its queue back.
      await until(async () => (await bus.depth(queue)) !== null);
      // A queue so young may refuse a message while it finds its leader.
      const taken = () =>
        bus.publish(queue, 'again').then(
          () => true,
          () => false,
        );
      await until(taken, { what: 'the queue taking a message' });
      await count(1);
    });

    test('says clearly that a queue exists with other arguments, and goes on', async () => {
      await statusIs(bus, 'connected');
      const raw = await connect(server.url);
      const channel = await raw.createChannel();
      await channel.assertQueue(queue, { durable: true });
      await raw.close();
      const declared = bus.declareQueue(queue, durable);
      await expect(declared).rejects.toThrow(QueueConflictError);
      await expect(declared).rejects.toThrow(new RegExp(`${queue} exists with other arguments.*delete`));
      expect(bus.status).toBe('connected');
      const { handler, count } = collector();
      await bus.consume(queue, { prefetch: 1 }, handler);
      await bus.publish(queue, 1);
      await count(1);
    });
  },
);
