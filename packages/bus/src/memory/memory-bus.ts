import { queues } from '@tenma/protocol';
import type { Clock, Log } from '@tenma/runtime';
import { decodeBody, encodeBody } from '../body.ts';
import {
  type Bus,
  type BusStatus,
  BusUnavailableError,
  type Consumer,
  type ConsumeOptions,
  type DeadLetterReason,
  deadLetterHeaders,
  type DeliveryHandler,
  type PublishOptions,
  type QueueOptions,
  UnroutableError,
} from '../bus.ts';
import { createStatusBoard } from '../status-board.ts';
import type { MemoryBroker } from './memory-broker.ts';
import { createMemoryConsumer } from './memory-consumer.ts';
import type { MemoryMessage, MemoryQueue } from './memory-queue.ts';

export interface MemoryBusOptions {
  /** Put before every queue and exchange name. Default: none. */
  readonly namespace?: string;
  /** Where dropped messages go. Default `tenma.dead`. */
  readonly deadQueue?: string;
}

export interface MemoryBusComponents {
  broker: MemoryBroker;
  clock: Clock;
  log: Log;
}

/** The bus of one process. Always connected; bodies make the same JSON round trip as on a wire. */
export function createMemoryBus(components: MemoryBusComponents, options: MemoryBusOptions = {}): Bus {
  return new MemoryBus(components, options);
}

const durable: QueueOptions = { kind: 'durable' };

class MemoryBus implements Bus {
  readonly #broker: MemoryBroker;
  readonly #log: Log;
  readonly #namespace: string;
  readonly #deadQueue: string;
  readonly #board = createStatusBoard('connected');
  readonly #deliveryLimits = new Map<string, number | undefined>();
  readonly #owned = new Set<AsyncDisposable>();

  constructor(
    { broker, log }: MemoryBusComponents,
    { namespace = '', deadQueue = queues.dead }: MemoryBusOptions,
  ) {
    this.#broker = broker;
    this.#log = log;
    this.#namespace = namespace;
    this.#deadQueue = deadQueue;
  }

  get status(): BusStatus {
    return this.#board.status;
  }

  onStatus(listener: (status: BusStatus) => void): Disposable {
    return this.#board.onStatus(listener);
  }

  async declareQueue(queue: string, options: QueueOptions): Promise<void> {
    this.#broker.declareQueue(this.#named(queue), queue === this.#deadQueue ? durable : options);
    this.#deliveryLimits.set(queue, options.deliveryLimit);
  }

  async publish(queue: string, body: unknown, options: PublishOptions = {}): Promise<void> {
    this.#existing(queue).put(encodeBody(body), options.headers ?? {}, options.ttlMs);
  }

  async consume(queue: string, { prefetch }: ConsumeOptions, handler: DeliveryHandler): Promise<Consumer> {
    const consumer = createMemoryConsumer(
      { queue: this.#existing(queue), log: this.#log },
      {
        queueName: queue,
        prefetch,
        isDeadQueue: queue === this.#deadQueue,
        deliveryLimit: this.#deliveryLimits.get(queue),
        handler,
        bury: (message, reason) => this.#bury(queue, message, reason),
        onDisposed: (disposed) => void this.#owned.delete(disposed),
      },
    );
    this.#owned.add(consumer);
    return consumer;
  }

  async broadcast(exchange: string, body: unknown): Promise<void> {
    this.#broker.broadcast(this.#named(exchange), encodeBody(body));
  }

  async subscribe(exchange: string, handler: (body: unknown) => void): Promise<AsyncDisposable> {
    const listener = this.#broker.subscribe(this.#named(exchange), (text) => {
      if (!this.#owned.has(subscription)) return;
      try {
        handler(decodeBody(text));
      } catch (error) {
        this.#log.error({ err: error, exchange }, 'the handler of a broadcast threw');
      }
    });
    const subscription: AsyncDisposable = {
      [Symbol.asyncDispose]: async () => {
        listener[Symbol.dispose]();
        this.#owned.delete(subscription);
      },
    };
    this.#owned.add(subscription);
    return subscription;
  }

  async depth(queue: string): Promise<number | null> {
    return this.#broker.queue(this.#named(queue))?.depth ?? null;
  }

  async readMarker(queue: string): Promise<unknown> {
    const message = this.#broker.queue(this.#named(queue))?.peek();
    return message ? decodeBody(message.text) : null;
  }

  async writeMarker(queue: string, body: unknown): Promise<void> {
    const marker = this.#broker.declareQueue(this.#named(queue), durable);
    marker.clear();
    marker.put(encodeBody(body), {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#board.set('closed');
    for (const part of this.#owned) await part[Symbol.asyncDispose]();
  }

  /** The name in the broker. Every verb but dispose passes here, so a closed bus refuses them all. */
  #named(name: string): string {
    if (this.#board.status === 'closed') throw new BusUnavailableError('this bus is closed');
    return this.#namespace + name;
  }

  #existing(queue: string): MemoryQueue {
    const found = this.#broker.queue(this.#named(queue));
    if (!found) throw new UnroutableError(`no queue named ${this.#named(queue)}`);
    return found;
  }

  #bury(queue: string, message: MemoryMessage, reason: DeadLetterReason): void {
    if (queue === this.#deadQueue) return;
    const headers = {
      ...message.headers,
      [deadLetterHeaders.queue]: queue,
      [deadLetterHeaders.reason]: reason,
    };
    this.#broker.declareQueue(this.#namespace + this.#deadQueue, durable).put(message.text, headers);
  }
}
