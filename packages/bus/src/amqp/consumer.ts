import { type Clock, createInOrder, type Log } from '@tenma/runtime';
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import type { Consumer, DeadLetterReason, DeliveryHandler, Verdict } from '../bus.ts';
import { type Acknowledger, createAcknowledger } from './acknowledger.ts';
import { type OpenChannel, openChannel } from './channel.ts';
import { type ChannelKeeper, keepChannel } from './channel-keeper.ts';
import { decodeContent, type Decoded } from './content.ts';
import type { Link } from './link.ts';

export interface AmqpConsumer extends Consumer {
  /** See {@link ChannelKeeper.tried}. */
  readonly tried: Promise<void>;
}

export interface AmqpConsumerComponents {
  clock: Clock;
  log: Log;
  random: () => number;
  link: Link;
}

export interface AmqpConsumerOptions {
  /** In the broker. */
  fullName: string;
  /** As the caller names it. */
  queue: string;
  prefetch: number;
  handler: DeliveryHandler;
  /** Of the dead queue itself nothing is dead: what is dropped from it is gone, what cannot be read is delivered as text. */
  isDeadQueue: boolean;
  /** Asked for every delivery: the queue may be declared after the consumer. */
  deliveryLimit: () => number | undefined;
  /** Makes sure of the queue before it is consumed from. */
  declare: (model: ChannelModel) => Promise<void>;
  /** Resolves when the dead queue has the message. */
  bury: (message: ConsumeMessage, reason: DeadLetterReason) => Promise<void>;
  onDisposed: (consumer: Consumer) => void;
}

/** The wait before a message is given back that could not be brought to the dead queue. */
const buryRetryMs = 1_000;

const noHeaders = {};

/** What is known of the channel that is consumed on. */
interface Session {
  readonly opened: OpenChannel;
  readonly answers: Acknowledger;
  tag: string;
  /** The prefetch that the broker knows. */
  prefetch: number;
}

export function createAmqpConsumer(
  components: AmqpConsumerComponents,
  options: AmqpConsumerOptions,
): AmqpConsumer {
  return new ChannelConsumer(components, options);
}

class ChannelConsumer implements AmqpConsumer {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #options: AmqpConsumerOptions;
  readonly #keeper: ChannelKeeper<Channel>;
  /** What is packed is unpacked one after the other, and nothing passes it. */
  readonly #unpacking = createInOrder();
  #session: Session | undefined;
  #prefetch: number;
  #changing: Promise<void> = Promise.resolve();
  #cancelled = false;
  #disposing: Promise<void> | undefined;

  constructor({ clock, log, random, link }: AmqpConsumerComponents, options: AmqpConsumerOptions) {
    this.#clock = clock;
    this.#log = log;
    this.#options = options;
    this.#prefetch = options.prefetch;
    this.#keeper = keepChannel(
      { clock, log, random, link },
      {
        what: `the consumer of ${options.fullName}`,
        open: openChannel,
        prepare: (opened, model) => this.#begin(opened, model),
        onClosed: () => {
          this.#session = undefined;
        },
      },
    );
  }

  get tried(): Promise<void> {
    return this.#keeper.tried;
  }

  setPrefetch(prefetch: number): Promise<void> {
    this.#prefetch = prefetch;
    this.#changing = this.#changing.then(() => this.#applyPrefetch());
    return this.#changing;
  }

  async cancel(): Promise<void> {
    this.#cancelled = true;
    await this.#changing;
    const session = this.#session;
    // A channel that is lost now needs no cancelling: it will not be consumed on again.
    if (session?.tag) await session.opened.channel.cancel(session.tag).catch(() => {});
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposing ??= this.#dispose();
    return this.#disposing;
  }

  async #dispose(): Promise<void> {
    this.#cancelled = true;
    this.#session?.answers.flush();
    // Closing the channel gives back what is unanswered.
    await this.#keeper[Symbol.asyncDispose]();
    this.#options.onDisposed(this);
  }

  async #begin(opened: OpenChannel, model: ChannelModel): Promise<void> {
    if (this.#cancelled) return;
    await this.#options.declare(model);
    const session: Session = { opened, answers: createAcknowledger(opened.channel), tag: '', prefetch: 0 };
    this.#session = session;
    await this.#consume(session);
  }

  async #consume(session: Session): Promise<void> {
    const { channel } = session.opened;
    session.prefetch = this.#prefetch;
    await channel.prefetch(session.prefetch);
    const { consumerTag } = await channel.consume(this.#options.fullName, (message) => {
      // The broker has cancelled: the queue was deleted. A fresh channel declares it again.
      if (message === null) void session.opened.close();
      else this.#deliver(session, message);
    });
    session.tag = consumerTag;
    // Cancelled while the broker was being asked: what it hands out would be given back and handed out for ever.
    if (this.#cancelled) await channel.cancel(consumerTag);
  }

  /** The broker reads the prefetch when consuming begins; what is handed out stays answerable on the channel. */
  async #applyPrefetch(): Promise<void> {
    const session = this.#session;
    if (!session?.tag || this.#cancelled || session.prefetch === this.#prefetch) return;
    try {
      await session.opened.channel.cancel(session.tag);
      await this.#consume(session);
    } catch {
      // The channel is lost; the next one begins with the new prefetch.
      void session.opened.close();
    }
  }

  /** Must not throw: amqplib closes the connection then. */
  #deliver(session: Session, message: ConsumeMessage): void {
    const { deliveryTag } = message.fields;
    session.answers.delivered(deliveryTag);
    this.#unpacking.add(() => {
      if (this.#isOver(session)) return session.answers.requeue(deliveryTag);
      const decoded = decodeContent(message);
      if (!(decoded instanceof Promise)) return this.#hand(session, message, decoded);
      return decoded.then((late) => {
        if (this.#isOver(session)) session.answers.requeue(deliveryTag);
        else this.#hand(session, message, late);
      });
    });
  }

  /** What it brings from now on goes back to the queue, or has gone back with its channel. */
  #isOver(session: Session): boolean {
    return this.#cancelled || !session.opened.open;
  }

  #hand(session: Session, message: ConsumeMessage, decoded: Decoded): void {
    const { redelivered } = message.fields;
    const { queue, handler, isDeadQueue, deliveryLimit } = this.#options;
    if ('fault' in decoded && !isDeadQueue) return this.#bury(session, message, decoded.fault);
    const body = 'fault' in decoded ? message.content.toString() : decoded.body;
    const headers = message.properties.headers ?? noHeaders;
    const deliveryCount = countOf(headers);
    if (deliveryCount > 0 && deliveryCount >= (deliveryLimit() ?? Infinity)) {
      return this.#bury(session, message, 'delivery_limit');
    }
    try {
      const verdict = handler({ body, queue, redelivered, deliveryCount, headers });
      if (typeof verdict === 'string') this.#answer(session, message, verdict);
      else {
        verdict.then(
          (late) => this.#answer(session, message, late),
          (error: unknown) => this.#fault(session, message, error),
        );
      }
    } catch (error) {
      this.#fault(session, message, error);
    }
  }

  #answer(session: Session, message: ConsumeMessage, verdict: Verdict): void {
    if (verdict === 'ack') session.answers.ack(message.fields.deliveryTag);
    else if (verdict === 'retry') session.answers.requeue(message.fields.deliveryTag);
    else this.#bury(session, message, 'dropped');
  }

  #fault(session: Session, message: ConsumeMessage, error: unknown): void {
    this.#log.error({ err: error, queue: this.#options.queue }, 'a handler threw; its message is retried');
    session.answers.requeue(message.fields.deliveryTag);
  }

  #bury(session: Session, message: ConsumeMessage, reason: DeadLetterReason): void {
    const { queue, isDeadQueue, bury } = this.#options;
    const { deliveryTag } = message.fields;
    if (isDeadQueue) return session.answers.ack(deliveryTag);
    this.#log.warn({ queue, reason }, 'a message goes to the dead queue');
    bury(message, reason).then(
      () => session.answers.ack(deliveryTag),
      (error: unknown) => {
        this.#log.error(
          { err: error, queue },
          'a message could not be brought to the dead queue; it is retried',
        );
        this.#clock.after(buryRetryMs, () => session.answers.requeue(deliveryTag));
      },
    );
  }
}

/** Quorum queues count; classic ones do not. */
function countOf(headers: Readonly<Record<string, unknown>>): number {
  const count = headers['x-delivery-count'];
  return typeof count === 'number' ? count : 0;
}
