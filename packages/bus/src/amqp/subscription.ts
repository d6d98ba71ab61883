import { type Clock, createInOrder, type Log } from '@tenma/runtime';
import type { ConsumeMessage } from 'amqplib';
import { openChannel } from './channel.ts';
import { keepChannel } from './channel-keeper.ts';
import { decodeContent, type Decoded } from './content.ts';
import type { Link } from './link.ts';

export interface SubscriptionComponents {
  clock: Clock;
  log: Log;
  random: () => number;
  link: Link;
}

export interface SubscriptionOptions {
  /** The full name of a fanout exchange; made if it is missing. */
  exchange: string;
  handler: (body: unknown) => void;
}

export interface Subscription extends AsyncDisposable {
  /** As of the channel's keeper: settles with the first attempt. */
  readonly tried: Promise<void>;
}

/** Listens to a fanout through a queue of its own, which goes with the connection. */
export function createSubscription(
  { clock, log, random, link }: SubscriptionComponents,
  { exchange, handler }: SubscriptionOptions,
): Subscription {
  let disposed = false;
  const unpacking = createInOrder();

  function deliver(message: ConsumeMessage): void {
    unpacking.add(() => {
      const decoded = decodeContent(message);
      return decoded instanceof Promise ? decoded.then(hand) : hand(decoded);
    });
  }

  function hand(decoded: Decoded): void {
    if (disposed) return;
    if ('fault' in decoded) {
      return log.warn({ exchange, reason: decoded.fault }, 'a broadcast that cannot be read is ignored');
    }
    try {
      handler(decoded.body);
    } catch (error) {
      log.error({ err: error, exchange }, 'the handler of a broadcast threw');
    }
  }

  const keeper = keepChannel(
    { clock, log, random, link },
    {
      what: `the subscription to ${exchange}`,
      open: openChannel,
      async prepare(opened) {
        const { channel } = opened;
        await channel.assertExchange(exchange, 'fanout', { durable: true });
        const { queue } = await channel.assertQueue('', {
          exclusive: true,
          autoDelete: true,
          durable: false,
        });
        await channel.bindQueue(queue, exchange, '');
        await channel.consume(
          queue,
          (message) => {
            if (message === null) void opened.close();
            else deliver(message);
          },
          { noAck: true },
        );
      },
    },
  );
  return {
    tried: keeper.tried,
    async [Symbol.asyncDispose]() {
      disposed = true;
      await keeper[Symbol.asyncDispose]();
    },
  };
}
