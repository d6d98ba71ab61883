import { isThisMachine, queues } from '@tenma/protocol';
import { type Clock, type Log, sleep } from '@tenma/runtime';
import type { ChannelModel, ConsumeMessage } from 'amqplib';
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
  QueueConflictError,
  type QueueOptions,
  UnroutableError,
} from '../bus.ts';
import { createStatusBoard } from '../status-board.ts';
import { replyCodeOf, replyCodes } from './channel.ts';
import { createAmqpConsumer } from './consumer.ts';
import { createLink, displayUrl, type Link } from './link.ts';
import { queueDepth, readMarker } from './marker.ts';
import { createPackingSender, type PackingSender } from './packing-sender.ts';
import { createPublisher, type Publisher } from './publisher.ts';
import { createSubscription } from './subscription.ts';
import {
  createTopology,
  deadQueueArguments,
  markerQueueArguments,
  queueArguments,
  type Topology,
} from './topology.ts';

export interface AmqpBusComponents {
  clock: Clock;
  log: Log;
  /** Uniform in [0, 1); for jitter. */
  random: () => number;
}

export interface AmqpBusOptions {
  /** `amqp://user:password@host:port/vhost`, or `amqps:`. Heartbeat 10 s unless it says `?heartbeat=`. */
  readonly url: string;
  /** Who connects; shown in the broker's list of connections and in the log. */
  readonly name: string;
  /** Put before every queue and exchange name, so that several fabrics can share a broker. Default: none. */
  readonly namespace?: string;
  /** Where dropped messages go. Default `tenma.dead`. */
  readonly deadQueue?: string;
  /** The `expiresMs` of queues declared without one; for tests, so that nothing stays behind. Default: none. */
  readonly expiresMs?: number;
  /** Whether large bodies travel packed. Default: unless the broker is on this machine. */
  readonly packs?: boolean;
}

/** A bus on RabbitMQ (3.10 or later). Returns at once; `onStatus` says when it is connected. */
export function createAmqpBus(components: AmqpBusComponents, options: AmqpBusOptions): Bus {
  return new AmqpBus(components, options);
}

/** For consumers to give back and publishes to be confirmed; a broker that hangs gets no more time from a shutdown. */
const goodbyeMs = 6_000;

class AmqpBus implements Bus {
  readonly #components: AmqpBusComponents;
  readonly #options: AmqpBusOptions;
  readonly #deadQueue: string;
  /** Its address, for the log. */
  readonly #broker: string;
  readonly #board = createStatusBoard('connecting');
  readonly #topology: Topology;
  /** Two connections: the broker stops reading from one that publishes during an alarm, and acks must still pass. */
  readonly #publishing: Link;
  readonly #consuming: Link;
  readonly #publisher: Publisher;
  readonly #sender: PackingSender;
  readonly #declared = new Map<string, QueueOptions>();
  readonly #owned = new Set<AsyncDisposable>();
  /** What the log has last said is wrong with the connection. */
  #trouble: string | undefined;
  #disposing: Promise<void> | undefined;

  constructor(components: AmqpBusComponents, options: AmqpBusOptions) {
    this.#components = components;
    this.#options = options;
    this.#deadQueue = options.deadQueue ?? queues.dead;
    this.#broker = displayUrl(options.url);
    this.#topology = createTopology(components);
    this.#topology.remember(this.#fullName(this.#deadQueue), deadQueueArguments(options.expiresMs));
    this.#publishing = this.#createLink('publish');
    this.#consuming = this.#createLink('consume');
    this.#publisher = createPublisher(
      { ...components, link: this.#publishing, topology: this.#topology },
      { onOpen: () => this.#updateStatus(), onLost: () => this.#updateStatus() },
    );
    this.#sender = createPackingSender(this.#publisher, {
      packs: options.packs ?? !isThisMachine(options.url),
    });
  }

  get status(): BusStatus {
    return this.#board.status;
  }

  onStatus(listener: (status: BusStatus) => void): Disposable {
    return this.#board.onStatus(listener);
  }

  async declareQueue(queue: string, options: QueueOptions): Promise<void> {
    this.#assertOpen();
    const name = this.#fullName(queue);
    this.#declared.set(queue, options);
    if (queue !== this.#deadQueue) {
      this.#topology.remember(name, queueArguments(options, this.#options.expiresMs));
    }
    const { model } = this.#publishing;
    if (!model) return;
    try {
      await this.#topology.declare(model, name);
    } catch (error) {
      if (error instanceof QueueConflictError) {
        this.#components.log.error({ queue: name }, error.message);
        this.#forget(queue);
        throw error;
      }
      // The connection was lost: the wish is recorded and granted with the next one.
      if (replyCodeOf(error) !== undefined) throw error;
    }
  }

  publish(queue: string, body: unknown, options: PublishOptions = {}): Promise<void> {
    if (this.#disposing) return Promise.reject(closed());
    const message = {
      exchange: '',
      routingKey: this.#fullName(queue),
      persistent: this.#declared.get(queue)?.kind !== 'transient',
      ttlMs: options.ttlMs,
      timeoutMs: options.timeoutMs,
      headers: options.headers,
    };
    return this.#sender.send(message, body);
  }

  async consume(queue: string, { prefetch }: ConsumeOptions, handler: DeliveryHandler): Promise<Consumer> {
    this.#assertOpen();
    const fullName = this.#fullName(queue);
    const consumer = createAmqpConsumer(
      { ...this.#components, link: this.#consuming },
      {
        fullName,
        queue,
        prefetch,
        handler,
        isDeadQueue: queue === this.#deadQueue,
        deliveryLimit: () => this.#declared.get(queue)?.deliveryLimit,
        declare: (model) => this.#declareUnlessConflict(model, fullName),
        bury: (message, reason) => this.#bury(queue, message, reason),
        onDisposed: (disposed) => void this.#owned.delete(disposed),
      },
    );
    this.#owned.add(consumer);
    try {
      await consumer.tried;
    } catch (error) {
      await consumer[Symbol.asyncDispose]();
      if (replyCodeOf(error) === replyCodes.notFound) throw new UnroutableError(`no queue named ${fullName}`);
      throw error;
    }
    return consumer;
  }

  async broadcast(exchange: string, body: unknown): Promise<void> {
    this.#assertOpen();
    const name = this.#fullName(exchange);
    if (!this.#topology.knowsExchange(name)) {
      await this.#errand((model) => this.#topology.declareExchange(model, name));
      this.#topology.rememberExchange(name);
    }
    await this.#sender.send({ exchange: name, routingKey: '', persistent: false }, body);
  }

  async subscribe(exchange: string, handler: (body: unknown) => void): Promise<AsyncDisposable> {
    this.#assertOpen();
    const subscription = createSubscription(
      { ...this.#components, link: this.#consuming },
      { exchange: this.#fullName(exchange), handler },
    );
    const owned: AsyncDisposable = {
      [Symbol.asyncDispose]: async () => {
        this.#owned.delete(owned);
        await subscription[Symbol.asyncDispose]();
      },
    };
    this.#owned.add(owned);
    await subscription.tried;
    return owned;
  }

  async depth(queue: string): Promise<number | null> {
    return this.#errand((model) => queueDepth(this.#components.clock, model, this.#fullName(queue)));
  }

  async readMarker(queue: string): Promise<unknown> {
    return this.#errand((model) => readMarker(this.#components, model, this.#fullName(queue)));
  }

  async writeMarker(queue: string, body: unknown): Promise<void> {
    const name = this.#fullName(queue);
    // Not remembered for reconnections: a broker that lost the marker must stay without, for that is its message.
    this.#topology.remember(name, markerQueueArguments(this.#options.expiresMs));
    try {
      await this.#errand((model) => this.#topology.declare(model, name));
    } finally {
      this.#topology.forget(name);
    }
    await this.#sender.send({ exchange: '', routingKey: name, persistent: true }, body);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposing ??= this.#dispose();
    return this.#disposing;
  }

  async #dispose(): Promise<void> {
    this.#board.set('closed');
    const parts = async () => {
      // Consumers first: burying the dead still needs the publisher.
      await Promise.all(Array.from(this.#owned, (part) => part[Symbol.asyncDispose]()));
      await this.#sender.idle();
      await this.#publisher[Symbol.asyncDispose]();
    };
    const enough = new AbortController();
    const late = sleep(this.#components.clock, goodbyeMs, enough.signal).catch(() => {});
    await Promise.race([parts(), late]);
    enough.abort();
    await Promise.all([this.#publishing[Symbol.asyncDispose](), this.#consuming[Symbol.asyncDispose]()]);
  }

  #createLink(role: 'publish' | 'consume'): Link {
    const { url, name } = this.#options;
    return createLink(this.#components, {
      url,
      name: `${name} (${role})`,
      onUp: () => this.#updateStatus(),
      onDown: (error) => this.#connectionLost(error),
      onBlocked: (blocked) => {
        if (role !== 'publish') return;
        this.#publisher.blocked = blocked;
        this.#updateStatus();
      },
    });
  }

  #connectionLost(error: Error): void {
    this.#updateStatus();
    if (this.#trouble === error.message) return;
    this.#trouble = error.message;
    const { log } = this.#components;
    log.warn({ err: error, broker: this.#broker }, 'no connection to the broker; trying until there is one');
  }

  #updateStatus(): void {
    if (this.#disposing) return;
    const connected = this.#publisher.open && this.#consuming.model !== undefined;
    const status = !connected ? 'connecting' : this.#publisher.blocked ? 'blocked' : 'connected';
    if (status === this.#board.status) return;
    const { log } = this.#components;
    if (status === 'blocked') log.warn('the broker refuses messages: it is out of memory or disk');
    if (status === 'connected') {
      this.#trouble = undefined;
      log.info({ broker: this.#broker }, 'connected to the broker');
    }
    this.#board.set(status);
  }

  #fullName(name: string): string {
    return (this.#options.namespace ?? '') + name;
  }

  #assertOpen(): void {
    if (this.#disposing) throw closed();
  }

  #forget(queue: string): void {
    this.#declared.delete(queue);
    this.#topology.forget(this.#fullName(queue));
  }

  /** One request and its answer. @throws BusUnavailableError */
  async #errand<T>(run: (model: ChannelModel) => Promise<T>): Promise<T> {
    this.#assertOpen();
    const { model } = this.#publishing;
    if (!model) throw new BusUnavailableError('not connected to the broker');
    try {
      return await run(model);
    } catch (error) {
      if (error instanceof BusUnavailableError || error instanceof QueueConflictError) throw error;
      throw new BusUnavailableError(`the broker did not answer: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  /** For a consumer a conflict is no hindrance: the queue is there, and who declared it has been told. */
  async #declareUnlessConflict(model: ChannelModel, fullName: string): Promise<void> {
    try {
      await this.#topology.declare(model, fullName);
    } catch (error) {
      if (!(error instanceof QueueConflictError)) throw error;
    }
  }

  async #bury(queue: string, message: ConsumeMessage, reason: DeadLetterReason): Promise<void> {
    const { contentType, contentEncoding, headers } = message.properties as Properties;
    const own = Object.entries(headers ?? {}).filter(([name]) => !name.startsWith('x-'));
    const dead = {
      exchange: '',
      routingKey: this.#fullName(this.#deadQueue),
      content: message.content,
      contentType,
      contentEncoding,
      persistent: true,
      headers: {
        ...Object.fromEntries(own),
        [deadLetterHeaders.queue]: queue,
        [deadLetterHeaders.reason]: reason,
      },
    };
    try {
      await this.#publisher.send(dead);
    } catch (error) {
      if (!(error instanceof UnroutableError)) throw error;
      await this.#errand((model) => this.#topology.declare(model, dead.routingKey));
      await this.#publisher.send(dead);
    }
  }
}

/** What is kept of a dead message besides its content. */
interface Properties {
  readonly contentType?: string | undefined;
  readonly contentEncoding?: string | undefined;
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
}

const closed = () => new BusUnavailableError('this bus is closed');
