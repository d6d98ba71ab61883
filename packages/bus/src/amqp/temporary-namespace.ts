import { randomBytes } from 'node:crypto';
import { queues } from '@tenma/protocol';
import { systemClock } from '@tenma/runtime';
import { connect } from 'amqplib';
import type { Bus } from '../bus.ts';
import { type AmqpBusComponents, createAmqpBus } from './amqp-bus.ts';
import { withChannel } from './channel.ts';

/** A corner of a shared broker that a test owns: names of its own, deleted with everything in them when it is disposed. */
export interface TemporaryNamespace extends AsyncDisposable {
  /** For `AmqpBusOptions.namespace`, where a bus is not made by `createBus`. */
  readonly namespace: string;
  /** For `AmqpBusOptions.expiresMs`: what is not deleted, because the test was killed, goes by itself. */
  readonly expiresMs: number;
  /** A bus in this namespace, which packs though the broker is near. What it declares is noted; it is disposed with the namespace if not before. */
  createBus(components: AmqpBusComponents, name?: string): Bus;
  /** Notes queues and exchanges that others declare here, by the names without namespace. */
  own(names: { queues?: readonly string[]; exchanges?: readonly string[] }): void;
}

const expiresMs = 60_000;

export function temporaryNamespace(url: string): TemporaryNamespace {
  const namespace = `tenma-test-${randomBytes(6).toString('hex')}.`;
  const ownedQueues = new Set<string>([queues.dead]);
  const ownedExchanges = new Set<string>();
  const buses: Bus[] = [];

  return {
    namespace,
    expiresMs,
    createBus(components, name = 'test') {
      const bus = createAmqpBus(components, { url, name, namespace, expiresMs, packs: true });
      buses.push(bus);
      return noting(bus, ownedQueues, ownedExchanges);
    },
    own(names) {
      for (const queue of names.queues ?? []) ownedQueues.add(queue);
      for (const exchange of names.exchanges ?? []) ownedExchanges.add(exchange);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(buses.map((bus) => bus[Symbol.asyncDispose]()));
      const model = await connect(url);
      await withChannel(systemClock(), model, async (channel) => {
        for (const queue of ownedQueues) await channel.deleteQueue(namespace + queue);
        for (const exchange of ownedExchanges) await channel.deleteExchange(namespace + exchange);
      });
      await model.close();
    },
  };
}

/** The bus, with the names of what it makes in the broker written down. */
function noting(bus: Bus, ownedQueues: Set<string>, ownedExchanges: Set<string>): Bus {
  return {
    get status() {
      return bus.status;
    },
    onStatus: (listener) => bus.onStatus(listener),
    declareQueue(queue, options) {
      ownedQueues.add(queue);
      return bus.declareQueue(queue, options);
    },
    publish: (queue, body, options) => bus.publish(queue, body, options),
    consume: (queue, options, handler) => bus.consume(queue, options, handler),
    broadcast(exchange, body) {
      ownedExchanges.add(exchange);
      return bus.broadcast(exchange, body);
    },
    subscribe(exchange, handler) {
      ownedExchanges.add(exchange);
      return bus.subscribe(exchange, handler);
    },
    depth: (queue) => bus.depth(queue),
    readMarker: (queue) => bus.readMarker(queue),
    writeMarker(queue, body) {
      ownedQueues.add(queue);
      return bus.writeMarker(queue, body);
    },
    [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
  };
}
