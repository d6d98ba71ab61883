import type { Duplex } from 'node:stream';
import { type Clock, fullJitterMs, reconnectBackoff, sleep } from '@tenma/runtime';
import { type ChannelModel, connect } from 'amqplib';
import { coalesceWrites } from './coalesced-writes.ts';

/** One connection to the broker, made again for ever. */
export interface Link extends AsyncDisposable {
  /** The connection of the moment. */
  readonly model: ChannelModel | undefined;
  /** Called on every new connection, and at once when there is one. */
  onUp(listener: (model: ChannelModel) => void): Disposable;
}

export interface LinkComponents {
  clock: Clock;
  random: () => number;
}

export interface LinkOptions {
  url: string;
  /** Shown in the broker's list of connections. */
  name: string;
  onUp: () => void;
  /** On every failed attempt and every loss. */
  onDown: (error: Error) => void;
  /** The broker refuses messages (its memory or disk alarm), or takes them again. */
  onBlocked: (blocked: boolean) => void;
}

const connectTimeoutMs = 10_000;
/** An attempt that ended sooner was no success, even if it connected: the waits before the next ones go on growing. */
const stableAfterMs = 15_000;
const closeTimeoutMs = 2_000;

export function createLink(components: LinkComponents, options: LinkOptions): Link {
  return new ReconnectingLink(components, options);
}

class ReconnectingLink implements Link {
  readonly #components: LinkComponents;
  readonly #options: LinkOptions;
  readonly #stopping = new AbortController();
  readonly #listeners = new Set<(model: ChannelModel) => void>();
  readonly #running: Promise<void>;
  #model: ChannelModel | undefined;

  constructor(components: LinkComponents, options: LinkOptions) {
    this.#components = components;
    this.#options = options;
    this.#running = this.#run();
  }

  get model(): ChannelModel | undefined {
    return this.#model;
  }

  onUp(listener: (model: ChannelModel) => void): Disposable {
    this.#listeners.add(listener);
    if (this.#model) listener(this.#model);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    // An attempt under way ends by itself; a broker that does not answer the goodbye is not waited for.
    if (!this.#model) return;
    this.#model.close().catch(() => {});
    const enough = new AbortController();
    const late = sleep(this.#components.clock, closeTimeoutMs, enough.signal).catch(() => {});
    await Promise.race([this.#running, late]);
    enough.abort();
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#components;
    const { signal } = this.#stopping;
    for (let retry = 1; !signal.aborted; retry += 1) {
      const since = clock.monotonic();
      const error = await this.#connectionEnd().catch((failure: unknown) => failure as Error);
      if (signal.aborted) return;
      if (clock.monotonic() - since > stableAfterMs) retry = 1;
      this.#options.onDown(error);
      await sleep(clock, fullJitterMs(reconnectBackoff, retry, random), signal).catch(() => {});
    }
  }

  /** Connects, and resolves with the reason when that connection ends. */
  async #connectionEnd(): Promise<Error> {
    const model = await connect(withHeartbeat(this.#options.url), {
      timeout: connectTimeoutMs,
      noDelay: true,
      clientProperties: { connection_name: this.#options.name },
    });
    coalesceWrites((model.connection as { stream?: Duplex }).stream);
    // What went wrong arrives with `close` as well; without a listener Node would throw it.
    model.on('error', () => {});
    model.on('blocked', () => this.#options.onBlocked(true));
    model.on('unblocked', () => this.#options.onBlocked(false));
    const end = new Promise<Error>((resolve) => {
      model.on('close', (error) => {
        this.#model = undefined;
        this.#options.onBlocked(false);
        resolve(error ?? new Error('connection closed'));
      });
    });
    if (this.#stopping.signal.aborted) {
      model.close().catch(() => {});
      return end;
    }
    this.#model = model;
    this.#options.onUp();
    for (const listener of this.#listeners) listener(model);
    return end;
  }
}

/** 10 s, unless the URL says otherwise: a dead peer is noticed after two of them. */
function withHeartbeat(url: string): string {
  const parsed = new URL(url);
  if (!parsed.searchParams.has('heartbeat')) parsed.searchParams.set('heartbeat', '10');
  return parsed.href;
}

/** The URL as it may be shown: without the password. @throws TypeError when it is none of AMQP. */
export function displayUrl(url: string): string {
  const parsed = new URL(url);
  if (!['amqp:', 'amqps:'].includes(parsed.protocol)) {
    throw new TypeError(`an AMQP URL begins with amqp: or amqps:, not ${parsed.protocol}`);
  }
  return `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
}
