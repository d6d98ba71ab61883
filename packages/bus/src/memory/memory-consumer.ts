import type { Log } from '@tenma/runtime';
import { decodeBody } from '../body.ts';
import type { Consumer, DeadLetterReason, DeliveryHandler, Verdict } from '../bus.ts';
import type { MemoryMessage, MemoryQueue, MemoryTaker } from './memory-queue.ts';

export interface MemoryConsumerOptions {
  /** As the caller named it: without the namespace. */
  queueName: string;
  prefetch: number;
  /** Of the dead queue itself nothing is dead: what is dropped from it is gone, what cannot be read is delivered as text. */
  isDeadQueue: boolean;
  deliveryLimit: number | undefined;
  handler: DeliveryHandler;
  bury: (message: MemoryMessage, reason: DeadLetterReason) => void;
  onDisposed: (consumer: Consumer) => void;
}

export function createMemoryConsumer(
  components: { queue: MemoryQueue; log: Log },
  options: MemoryConsumerOptions,
): Consumer {
  return new MemoryConsumer(components, options);
}

class MemoryConsumer implements Consumer, MemoryTaker {
  readonly #queue: MemoryQueue;
  readonly #log: Log;
  readonly #options: MemoryConsumerOptions;
  readonly #unanswered = new Set<MemoryMessage>();
  readonly #attached: Disposable;
  #prefetch: number;

  constructor({ queue, log }: { queue: MemoryQueue; log: Log }, options: MemoryConsumerOptions) {
    this.#queue = queue;
    this.#log = log;
    this.#options = options;
    this.#prefetch = options.prefetch;
    this.#attached = queue.attach(this);
  }

  hasRoom(): boolean {
    return this.#unanswered.size < this.#prefetch;
  }

  take(message: MemoryMessage): void {
    this.#unanswered.add(message);
    const { queueName: queue, isDeadQueue, deliveryLimit = Infinity, handler } = this.#options;
    let body = decodeBody(message.text);
    if (body === undefined && isDeadQueue) body = message.text;
    if (body === undefined) return this.#bury(message, 'not_json');
    const { redelivered, deliveryCount, headers } = message;
    if (deliveryCount >= deliveryLimit) return this.#bury(message, 'delivery_limit');
    try {
      const verdict = handler({ body, queue, redelivered, deliveryCount, headers });
      if (typeof verdict === 'string') this.#answer(message, verdict);
      else {
        verdict.then(
          (late) => this.#answer(message, late),
          (error: unknown) => this.#fault(message, error),
        );
      }
    } catch (error) {
      this.#fault(message, error);
    }
  }

  async setPrefetch(prefetch: number): Promise<void> {
    this.#prefetch = prefetch;
    this.#queue.wake();
  }

  async cancel(): Promise<void> {
    this.#attached[Symbol.dispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#attached[Symbol.dispose]();
    const given = [...this.#unanswered];
    this.#unanswered.clear();
    for (const message of given) this.#queue.giveBack(message);
    this.#options.onDisposed(this);
  }

  #answer(message: MemoryMessage, verdict: Verdict): void {
    // Given back already when the consumer was disposed: the late answer means nothing.
    if (!this.#unanswered.delete(message)) return;
    if (verdict === 'retry') this.#queue.giveBack(message);
    else if (verdict === 'drop') this.#options.bury(message, 'dropped');
    this.#queue.wake();
  }

  #fault(message: MemoryMessage, error: unknown): void {
    this.#log.error(
      { err: error, queue: this.#options.queueName },
      'a handler threw; its message is retried',
    );
    this.#answer(message, 'retry');
  }

  #bury(message: MemoryMessage, reason: DeadLetterReason): void {
    this.#unanswered.delete(message);
    this.#log.warn({ queue: this.#options.queueName, reason }, 'a message goes to the dead queue');
    this.#options.bury(message, reason);
  }
}
