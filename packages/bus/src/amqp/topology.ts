import type { Clock, Log } from '@tenma/runtime';
import type { ChannelModel, Options } from 'amqplib';
import { BusUnavailableError, QueueConflictError, type QueueOptions } from '../bus.ts';
import { replyCodeOf, replyCodes, withChannel } from './channel.ts';

/** The queues and exchanges this bus has declared, so that they can be declared again in a broker that lost them. */
export interface Topology {
  /** Full names. */
  remember(queue: string, options: Options.AssertQueue): void;
  forget(queue: string): void;
  rememberExchange(exchange: string): void;
  knowsExchange(exchange: string): boolean;
  /** Declares one queue if it is remembered. @throws QueueConflictError */
  declare(model: ChannelModel, queue: string): Promise<void>;
  declareExchange(model: ChannelModel, exchange: string): Promise<void>;
  /** Declares everything. What the broker refuses goes to the log and stops nothing. */
  restore(model: ChannelModel): Promise<void>;
}

export function createTopology({ clock, log }: { clock: Clock; log: Log }): Topology {
  const queues = new Map<string, Options.AssertQueue>();
  const exchanges = new Set<string>();

  async function declare(model: ChannelModel, queue: string): Promise<void> {
    const options = queues.get(queue);
    if (!options) return;
    try {
      await withChannel(clock, model, (channel) => channel.assertQueue(queue, options));
    } catch (error) {
      if (replyCodeOf(error) !== replyCodes.preconditionFailed) throw error;
      throw new QueueConflictError(
        `queue ${queue} exists with other arguments than the ones asked for: drain and delete it ` +
          `(rabbitmqctl delete_queue ${queue}), or ask for it as it is. The broker says: ${(error as Error).message}`,
        { cause: error },
      );
    }
  }

  async function declareExchange(model: ChannelModel, exchange: string): Promise<void> {
    await withChannel(clock, model, (channel) =>
      channel.assertExchange(exchange, 'fanout', { durable: true }),
    );
  }

  return {
    remember: (queue, options) => void queues.set(queue, options),
    forget: (queue) => void queues.delete(queue),
    rememberExchange: (exchange) => void exchanges.add(exchange),
    knowsExchange: (exchange) => exchanges.has(exchange),
    declare,
    declareExchange,
    async restore(model) {
      const declareOrComplain = (queue: string) =>
        declare(model, queue).catch((error: unknown) => {
          // One queue that is not as it should be must not stop the publishing to all others.
          const known = error instanceof QueueConflictError || error instanceof BusUnavailableError;
          if (!known && replyCodeOf(error) === undefined) throw error;
          log.error({ err: error, queue }, 'a queue could not be declared again');
        });
      await Promise.all([
        ...[...queues.keys()].map(declareOrComplain),
        ...[...exchanges].map((exchange) => declareExchange(model, exchange)),
      ]);
    },
  };
}

/**
 * RabbitMQ 4 moves a message of a quorum queue out after 20 deliveries unless told otherwise, 3.10 never does. The
 * limit is the consumers' (see `deliveryLimit`), so the broker's is put out of the way: it could not be changed later
 * without deleting the queue, and a queue with dead-lettering would send its expired messages to the dead queue too.
 */
const noDeliveryLimit = { 'x-delivery-limit': 2 ** 31 - 1 };

/**
 * A delivery is acknowledged when its task is done, and a task may run for a week; RabbitMQ closes the channel after
 * 30 minutes unless told otherwise. Brokers before 3.12 read this from their own configuration (`consumer_timeout`).
 */
const patience = { 'x-consumer-timeout': 8 * 24 * 3_600_000 };

const quorum = { 'x-queue-type': 'quorum', ...noDeliveryLimit, ...patience };

/** A transient queue is a durable classic one with messages that are not: RabbitMQ 4 knows no other that can be shared. */
export function queueArguments(options: QueueOptions, defaultExpiresMs?: number): Options.AssertQueue {
  const expiresMs = options.expiresMs ?? defaultExpiresMs;
  return {
    durable: true,
    arguments: {
      ...(options.kind === 'durable' ? quorum : { 'x-queue-type': 'classic' }),
      ...(options.messageTtlMs === undefined ? {} : { 'x-message-ttl': options.messageTtlMs }),
      ...(expiresMs === undefined ? {} : { 'x-expires': expiresMs }),
    },
  };
}

/** Nobody has to read the dead queue, so it is bounded: the oldest go. */
export function deadQueueArguments(expiresMs?: number): Options.AssertQueue {
  const { durable, arguments: base } = queueArguments({ kind: 'durable' }, expiresMs);
  return {
    durable: durable ?? true,
    arguments: { ...(base as object), 'x-max-length': 10_000, 'x-max-length-bytes': 256 * 1024 * 1024 },
  };
}

/** A length of one makes every write replace the message before it, at the broker, in one step. */
export function markerQueueArguments(expiresMs?: number): Options.AssertQueue {
  const { durable, arguments: base } = queueArguments({ kind: 'durable' }, expiresMs);
  return { durable: durable ?? true, arguments: { ...(base as object), 'x-max-length': 1 } };
}
