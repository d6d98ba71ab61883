import { type BackoffPolicy, type Clock, fullJitterMs, type Log } from '@tenma/runtime';
import type { Channel, ChannelModel } from 'amqplib';
import type { OpenChannel } from './channel.ts';
import type { Link } from './link.ts';

/** Keeps one channel open and prepared, on whatever connection there is. */
export interface ChannelKeeper<C extends Channel> extends AsyncDisposable {
  readonly current: OpenChannel<C> | undefined;
  /**
   * Settles with the first attempt: resolves as well when there is no connection to try on, or it is lost meanwhile;
   * rejects with what the broker has against it.
   */
  readonly tried: Promise<void>;
  /** Closes the channel; another takes its place. */
  reopen(): void;
}

export interface ChannelKeeperComponents {
  clock: Clock;
  log: Log;
  random: () => number;
  link: Link;
}

export interface ChannelKeeperOptions<C extends Channel> {
  /** For the log: 'the consumer of tenma.ic'. */
  what: string;
  open: (model: ChannelModel) => Promise<OpenChannel<C>>;
  /** Makes the channel ready: declares, consumes. The keeper tries again later when it rejects. */
  prepare: (opened: OpenChannel<C>, model: ChannelModel) => Promise<void>;
  onOpen?: () => void;
  onClosed?: () => void;
}

/** What the broker has refused once it will mostly refuse again: slower than a reconnection, and never hot. */
const refusedBackoff: BackoffPolicy = { initialMs: 1_000, factor: 2, capMs: 30_000 };

export function keepChannel<C extends Channel>(
  components: ChannelKeeperComponents,
  options: ChannelKeeperOptions<C>,
): ChannelKeeper<C> {
  return new Keeper(components, options);
}

class Keeper<C extends Channel> implements ChannelKeeper<C> {
  readonly #components: ChannelKeeperComponents;
  readonly #options: ChannelKeeperOptions<C>;
  readonly #first = Promise.withResolvers<void>();
  readonly #onUp: Disposable;
  #current: OpenChannel<C> | undefined;
  /** Open, and being prepared. */
  #opening: OpenChannel<C> | undefined;
  #attempt: Promise<void> | undefined;
  #timer: Disposable | undefined;
  #refusals = 0;
  #disposed = false;

  constructor(components: ChannelKeeperComponents, options: ChannelKeeperOptions<C>) {
    this.#components = components;
    this.#options = options;
    // Nobody may be waiting for the first attempt.
    this.#first.promise.catch(() => {});
    this.#onUp = components.link.onUp(() => this.#start());
    if (!components.link.model) this.#first.resolve();
  }

  get current(): OpenChannel<C> | undefined {
    return this.#current;
  }

  get tried(): Promise<void> {
    return this.#first.promise;
  }

  reopen(): void {
    void this.#current?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    this.#onUp[Symbol.dispose]();
    this.#timer?.[Symbol.dispose]();
    void this.#opening?.close();
    await this.#attempt;
    await this.#current?.close();
  }

  /** Begins an attempt unless one is under way or there is nothing to try on. */
  #start(): void {
    const { model } = this.#components.link;
    if (this.#disposed || this.#attempt || this.#current || !model) return;
    this.#timer?.[Symbol.dispose]();
    this.#attempt = this.#open(model)
      .catch((error: unknown) => this.#failed(model, error))
      .finally(() => {
        this.#attempt = undefined;
        // A connection that came while an attempt on the one before it was failing.
        if (this.#components.link.model !== model) this.#start();
      });
  }

  async #open(model: ChannelModel): Promise<void> {
    const opened = await this.#options.open(model);
    this.#opening = opened;
    try {
      await this.#options.prepare(opened, model);
    } catch (error) {
      await opened.close();
      throw error;
    } finally {
      this.#opening = undefined;
    }
    if (!opened.open) throw (await opened.closed) ?? new Error('the channel closed while it was made ready');
    this.#current = opened;
    this.#refusals = 0;
    void opened.closed.then((reason) => this.#closed(opened, model, reason));
    this.#first.resolve();
    this.#options.onOpen?.();
  }

  #closed(opened: OpenChannel<C>, model: ChannelModel, reason: Error | undefined): void {
    if (this.#current !== opened) return;
    this.#current = undefined;
    this.#options.onClosed?.();
    // With the connection gone the next one starts the next attempt; a channel of its own fault is replaced here.
    if (this.#disposed || this.#components.link.model !== model) return;
    this.#components.log.warn(
      { err: reason },
      `the channel of ${this.#options.what} was closed; opening another`,
    );
    this.#retry();
  }

  #failed(model: ChannelModel, error: unknown): void {
    if (this.#disposed || this.#components.link.model !== model) return this.#first.resolve();
    this.#first.reject(error);
    if (this.#refusals === 0) {
      this.#components.log.error(
        { err: error },
        `the broker refuses ${this.#options.what}; trying again until it does not`,
      );
    }
    this.#retry();
  }

  #retry(): void {
    this.#refusals += 1;
    const { clock, random } = this.#components;
    // The first attempt after a good time comes at once: a channel that one message broke must not stop a service.
    const delayMs = this.#refusals === 1 ? 0 : fullJitterMs(refusedBackoff, this.#refusals - 1, random);
    this.#timer = clock.after(delayMs, () => this.#start());
  }
}
