import type { Clock } from '@tenma/runtime';
import type { Channel, ChannelModel, ConfirmChannel } from 'amqplib';
import { BusUnavailableError } from '../bus.ts';

/** A channel that can be closed in any state, and that says once how it ended. */
export interface OpenChannel<C extends Channel = Channel> {
  readonly channel: C;
  readonly open: boolean;
  /** Settles at the end, with the broker's reason if it gave one. Never rejects. */
  readonly closed: Promise<BrokerError | undefined>;
  close(): Promise<void>;
}

/** amqplib's errors carry the reply code of the protocol when the broker gave one. */
type BrokerError = Error & { code?: number | string };

/** Reply codes of AMQP 0-9-1 that the adapter knows what to do about. */
export const replyCodes = { notFound: 404, resourceLocked: 405, preconditionFailed: 406 } as const;

export function replyCodeOf(error: unknown): number | undefined {
  const code = error instanceof Error ? (error as BrokerError).code : undefined;
  return typeof code === 'number' ? code : undefined;
}

export async function openChannel(model: ChannelModel): Promise<OpenChannel> {
  return track(await model.createChannel());
}

export async function openConfirmChannel(model: ChannelModel): Promise<OpenChannel<ConfirmChannel>> {
  return track(await model.createConfirmChannel());
}

const errandTimeoutMs = 5_000;

/**
 * A channel for one errand, in bounded time: many errors of AMQP close the channel they happen on, and a quorum queue
 * without a leader answers nothing at all.
 * @throws BusUnavailableError when there is no answer in time, else what `use` throws
 */
export async function withChannel<T>(
  clock: Clock,
  model: ChannelModel,
  use: (channel: Channel) => Promise<T>,
): Promise<T> {
  let late = false;
  const timeout = Promise.withResolvers<never>();
  const timer = clock.after(errandTimeoutMs, () => {
    late = true;
    timeout.reject(new BusUnavailableError('the broker did not answer in time'));
  });
  const opening = openChannel(model);
  try {
    return await Promise.race([opening.then(({ channel }) => use(channel)), timeout.promise]);
  } finally {
    timer[Symbol.dispose]();
    const closed = opening.then((opened) => opened.close()).catch(() => {});
    if (!late) await closed;
  }
}

function track<C extends Channel>(channel: C): OpenChannel<C> {
  let open = true;
  let reason: BrokerError | undefined;
  channel.on('error', (error: Error) => {
    reason = error;
  });
  const closed = new Promise<BrokerError | undefined>((resolve) => {
    channel.on('close', () => {
      open = false;
      resolve(reason);
    });
  });
  return {
    channel,
    get open() {
      return open;
    },
    closed,
    async close() {
      // The promise of amqplib's close never settles when the connection is lost meanwhile; the event always comes.
      if (open) channel.close().catch(() => {});
      await closed;
    },
  };
}
