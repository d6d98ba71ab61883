import type { Clock } from '@tenma/runtime';
import type { QueueOptions } from '../bus.ts';
import { createFifo, type Fifo } from '../fifo.ts';

export interface MemoryMessage {
  /** As on the wire: JSON, unless a test put something else. */
  readonly text: string;
  readonly headers: Readonly<Record<string, unknown>>;
  /** On the monotonic clock; Infinity for never. */
  readonly expiresAt: number;
  redelivered: boolean;
  deliveryCount: number;
}

/** Who takes messages from a queue; must not throw. */
export interface MemoryTaker {
  /** Whether it may be handed one more now. */
  hasRoom(): boolean;
  take(message: MemoryMessage): void;
}

export interface MemoryQueue {
  readonly name: string;
  readonly options: QueueOptions;
  /** Messages ready: neither handed out nor expired. */
  readonly depth: number;
  put(text: string, headers: Readonly<Record<string, unknown>>, ttlMs?: number): void;
  /** Gives a message back: it comes again before those that were never delivered. */
  giveBack(message: MemoryMessage): void;
  /** The message that would be delivered next. */
  peek(): MemoryMessage | undefined;
  clear(): void;
  attach(taker: MemoryTaker): Disposable;
  /** To be called when a taker has got room. */
  wake(): void;
  /** Starts the wait of `expiresMs` again, as declaring a queue anew does on a broker. */
  touch(): void;
}

/** Deliveries in a row before the event loop gets its turn. */
const burst = 256;

export function createMemoryQueue(
  components: { clock: Clock },
  options: { name: string; options: QueueOptions; onExpired: () => void },
): MemoryQueue {
  return new Queue(components, options);
}

class Queue implements MemoryQueue {
  readonly name: string;
  readonly options: QueueOptions;
  readonly #clock: Clock;
  readonly #onExpired: () => void;
  readonly #fresh = createFifo<MemoryMessage>();
  readonly #returned = createFifo<MemoryMessage>();
  readonly #takers: MemoryTaker[] = [];
  #turn = 0;
  #pumping = false;
  #expiry: Disposable | undefined;

  constructor(
    { clock }: { clock: Clock },
    { name, options, onExpired }: { name: string; options: QueueOptions; onExpired: () => void },
  ) {
    this.name = name;
    this.options = options;
    this.#clock = clock;
    this.#onExpired = onExpired;
    this.touch();
  }

  get depth(): number {
    this.#oldest();
    return this.#fresh.length + this.#returned.length;
  }

  put(text: string, headers: Readonly<Record<string, unknown>>, ttlMs = Infinity): void {
    const expiresAt = this.#clock.monotonic() + Math.min(ttlMs, this.options.messageTtlMs ?? Infinity);
    // Without a taker nobody else would drop what has expired.
    if (this.#takers.length === 0) this.#oldest();
    this.#fresh.push({ text, headers, expiresAt, redelivered: false, deliveryCount: 0 });
    this.wake();
  }

  giveBack(message: MemoryMessage): void {
    message.redelivered = true;
    if (this.options.kind === 'durable') message.deliveryCount += 1;
    this.#returned.push(message);
    this.wake();
  }

  peek(): MemoryMessage | undefined {
    return this.#oldest()?.peek();
  }

  clear(): void {
    this.#fresh.drain();
    this.#returned.drain();
  }

  attach(taker: MemoryTaker): Disposable {
    this.#takers.push(taker);
    this.touch();
    this.wake();
    return {
      [Symbol.dispose]: () => {
        const index = this.#takers.indexOf(taker);
        if (index < 0) return;
        this.#takers.splice(index, 1);
        this.touch();
      },
    };
  }

  /** Never delivers within the caller's turn, as no broker does. */
  wake(): void {
    if (this.#pumping || this.#takers.length === 0) return;
    this.#pumping = true;
    queueMicrotask(() => this.#pump());
  }

  touch(): void {
    this.#expiry?.[Symbol.dispose]();
    const { expiresMs } = this.options;
    const idle = expiresMs !== undefined && this.#takers.length === 0;
    this.#expiry = idle ? this.#clock.after(expiresMs, this.#onExpired) : undefined;
  }

  #pump(): void {
    this.#pumping = false;
    for (let count = 0; count < burst; count += 1) {
      const fifo = this.#oldest();
      const taker = fifo && this.#nextTaker();
      const message = taker && fifo.shift();
      if (!message) return;
      taker.take(message);
    }
    this.#pumping = true;
    setImmediate(() => this.#pump());
  }

  /** Where the next message is; what expired before it is gone for good. */
  #oldest(): Fifo<MemoryMessage> | undefined {
    for (const fifo of [this.#returned, this.#fresh]) {
      for (let message = fifo.peek(); message; message = fifo.peek()) {
        if (message.expiresAt > this.#clock.monotonic()) return fifo;
        fifo.shift();
      }
    }
    return undefined;
  }

  /** Takers in turn, as brokers do; those without room are passed over. */
  #nextTaker(): MemoryTaker | undefined {
    for (let step = 0; step < this.#takers.length; step += 1) {
      this.#turn = (this.#turn + 1) % this.#takers.length;
      const taker = this.#takers[this.#turn];
      if (taker?.hasRoom()) return taker;
    }
    return undefined;
  }
}
