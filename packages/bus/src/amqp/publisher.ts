import type { Clock, Log } from '@tenma/runtime';
import type { ConfirmChannel } from 'amqplib';
import { BusUnavailableError, UnroutableError } from '../bus.ts';
import { createFifo } from '../fifo.ts';
import { openConfirmChannel } from './channel.ts';
import { type ChannelKeeper, keepChannel } from './channel-keeper.ts';
import type { Link } from './link.ts';
import type { Topology } from './topology.ts';

/** Publishes with confirms. */
export interface Publisher extends AsyncDisposable {
  /** Connected and prepared. */
  readonly open: boolean;
  /** Set while the broker refuses messages for lack of memory or disk. */
  blocked: boolean;
  /** @throws BusUnavailableError, UnroutableError (only to a queue) */
  send(message: Outgoing): Promise<void>;
}

export interface Outgoing {
  /** '' for a queue. */
  exchange: string;
  routingKey: string;
  content: Buffer;
  /** Default: JSON. */
  contentType?: string | undefined;
  /** How the content is packed. Default: not at all. */
  contentEncoding?: string | undefined;
  persistent: boolean;
  ttlMs?: number | undefined;
  timeoutMs?: number | undefined;
  headers?: Readonly<Record<string, unknown>> | undefined;
}

interface Entry {
  readonly message: Outgoing;
  readonly deadline: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  unroutable: boolean;
  /** Its caller has got an answer: by time, before the broker's. */
  settled: boolean;
}

export interface PublisherComponents {
  clock: Clock;
  log: Log;
  random: () => number;
  link: Link;
  topology: Topology;
}

/** More than the prefetch of any consumer, and a bound on what a silent broker can make us hold. */
const maxUnconfirmed = 5_000;
const defaultTimeoutMs = 5_000;
/** One timer looks at all deadlines; they are exact to this. */
const sweepMs = 250;
/** A confirmation this late never comes (a quorum without majority): amqplib would remember it for ever. */
const hopelessAfterMs = 60_000;
/** RabbitMQ 4 closes the channel on larger ones, and with it every other message on its way. */
const maxMessageBytes = 16 * 1024 * 1024;

export function createPublisher(
  components: PublisherComponents,
  options: { onOpen: () => void; onLost: () => void },
): Publisher {
  return new ConfirmingPublisher(components, options);
}

class ConfirmingPublisher implements Publisher {
  blocked = false;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #keeper: ChannelKeeper<ConfirmChannel>;
  /** Sent and not confirmed, by number, oldest first. */
  readonly #inFlight = new Map<number, Entry>();
  readonly #waiting = createFifo<Entry>();
  /** Entries in flight whose callers still wait. */
  #unconfirmed = 0;
  #sequence = 0;
  #sweeping = false;
  #idle: (() => void) | undefined;

  constructor(
    { clock, log, random, link, topology }: PublisherComponents,
    { onOpen, onLost }: { onOpen: () => void; onLost: () => void },
  ) {
    this.#clock = clock;
    this.#log = log;
    this.#keeper = keepChannel<ConfirmChannel>(
      { clock, log, random, link },
      {
        what: 'the publisher',
        open: openConfirmChannel,
        prepare: async ({ channel }, model) => {
          channel.on('return', ({ properties }) => this.#returned(Number(properties.messageId)));
          await topology.restore(model);
        },
        onOpen,
        onClosed: () => {
          for (const entry of this.#waiting.drain()) this.#settle(entry, connectionLost());
          onLost();
        },
      },
    );
  }

  get open(): boolean {
    return this.#keeper.current !== undefined;
  }

  send(message: Outgoing): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!this.open) return reject(new BusUnavailableError('not connected to the broker'));
      if (this.blocked) return reject(new BusUnavailableError('the broker is out of memory or disk'));
      if (message.content.length > maxMessageBytes) {
        return reject(
          new RangeError(`a message of ${message.content.length} bytes; brokers take ${maxMessageBytes}`),
        );
      }
      const deadline = this.#clock.monotonic() + (message.timeoutMs ?? defaultTimeoutMs);
      const entry: Entry = { message, deadline, resolve, reject, unroutable: false, settled: false };
      if (this.#unconfirmed < maxUnconfirmed && this.#waiting.length === 0) this.#dispatch(entry);
      else this.#waiting.push(entry);
      this.#armSweep();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Messages on their way are confirmed, or rejected by the loss of the connection or by time.
    if (this.#unconfirmed > 0)
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    await this.#keeper[Symbol.asyncDispose]();
  }

  #dispatch(entry: Entry): void {
    const { exchange, routingKey, content, persistent, ttlMs, headers } = entry.message;
    const { contentType = 'application/json', contentEncoding } = entry.message;
    const number = ++this.#sequence;
    this.#inFlight.set(number, entry);
    this.#unconfirmed += 1;
    try {
      const channel = this.#keeper.current?.channel;
      if (!channel) throw connectionLost();
      channel.publish(
        exchange,
        routingKey,
        content,
        {
          mandatory: exchange === '',
          persistent,
          contentType,
          ...(contentEncoding === undefined ? undefined : { contentEncoding }),
          messageId: String(number),
          ...(ttlMs === undefined ? undefined : { expiration: String(Math.max(0, Math.round(ttlMs))) }),
          ...(headers === undefined ? undefined : { headers }),
        },
        (error: Error | null) => this.#confirmed(number, entry, error),
      );
    } catch {
      this.#inFlight.delete(number);
      this.#unconfirmed -= 1;
      this.#settle(entry, connectionLost());
    }
  }

  /** The broker's answer; a lost channel answers for all that is on its way. */
  #confirmed(number: number, entry: Entry, error: Error | null): void {
    this.#inFlight.delete(number);
    if (!entry.settled) {
      this.#unconfirmed -= 1;
      if (error)
        this.#settle(entry, new BusUnavailableError(`not confirmed: ${error.message}`, { cause: error }));
      else if (entry.unroutable)
        this.#settle(entry, new UnroutableError(`no queue named ${entry.message.routingKey}`));
      else this.#settle(entry);
    }
    this.#refill();
  }

  #returned(number: number): void {
    const entry = this.#inFlight.get(number);
    if (entry) entry.unroutable = true;
  }

  #refill(): void {
    while (this.#waiting.length > 0 && this.#unconfirmed < maxUnconfirmed) {
      const entry = this.#waiting.shift();
      if (entry && !entry.settled) this.#dispatch(entry);
    }
    if (this.#unconfirmed === 0) this.#idle?.();
  }

  #settle(entry: Entry, error?: Error): void {
    if (entry.settled) return;
    entry.settled = true;
    if (error) entry.reject(error);
    else entry.resolve();
  }

  #armSweep(): void {
    if (this.#sweeping) return;
    this.#sweeping = true;
    this.#clock.after(sweepMs, () => {
      this.#sweeping = false;
      this.#sweep();
      if (this.#inFlight.size > 0 || this.#waiting.length > 0) this.#armSweep();
    });
  }

  #sweep(): void {
    const now = this.#clock.monotonic();
    let hopeless = false;
    for (const entry of this.#inFlight.values()) {
      if (now < entry.deadline) continue;
      if (!entry.settled) {
        this.#unconfirmed -= 1;
        this.#settle(entry, timedOut());
      } else if (now > entry.deadline + hopelessAfterMs) hopeless = true;
    }
    for (const entry of this.#waiting.drain()) {
      if (now < entry.deadline) this.#waiting.push(entry);
      else this.#settle(entry, timedOut());
    }
    if (hopeless) {
      this.#log.warn('confirmations are missing for a minute; opening another channel');
      this.#keeper.reopen();
    }
    this.#refill();
  }
}

const timedOut = () =>
  new BusUnavailableError('the broker did not confirm in time: it may or may not have the message');

const connectionLost = () =>
  new BusUnavailableError('the connection was lost: the broker may or may not have the message');
