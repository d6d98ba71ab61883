/** How services meet: durable queues, one fanout, and answers by value. Two adapters: `memory` and `amqp`. */

export type BusStatus = 'connecting' | 'connected' | 'blocked' | 'closed';

/** What a handler says of a delivery: done; give it back (delivered again, later); or never again (to the dead queue). */
export type Verdict = 'ack' | 'retry' | 'drop';

export interface Delivery {
  /** The parsed JSON body; untrusted until the handler has parsed it with a schema. */
  readonly body: unknown;
  readonly queue: string;
  readonly redelivered: boolean;
  /** How often the broker has delivered it before, where the broker counts; else 0. */
  readonly deliveryCount: number;
  /** What the publisher gave, and what brokers add; untrusted like the body. */
  readonly headers: Readonly<Record<string, unknown>>;
}

export type DeliveryHandler = (delivery: Delivery) => Promise<Verdict> | Verdict;

export interface QueueOptions {
  /** `transient`: classic, may be lost with the broker. `durable`: replicated (quorum), survives restarts. */
  readonly kind: 'transient' | 'durable';
  /** Messages older than this are dropped. */
  readonly messageTtlMs?: number;
  /** Deliveries after which a message goes to the dead queue instead of to a consumer once more. Only for `durable`. */
  readonly deliveryLimit?: number;
  /** The queue goes when it had no consumer for this long. With some brokers asking its depth counts as use. */
  readonly expiresMs?: number;
}

export interface PublishOptions {
  /** The message is dropped when nobody has taken it after this. */
  readonly ttlMs?: number;
  /** Gives up waiting for the broker's confirmation. Default 5 s. */
  readonly timeoutMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ConsumeOptions {
  /** Deliveries handed out and not yet answered. */
  readonly prefetch: number;
}

export interface Consumer extends AsyncDisposable {
  /** Takes effect for deliveries after those already handed out. */
  setPrefetch(prefetch: number): Promise<void>;
  /**
   * Stops new deliveries; those handed out can still be answered. Disposing also stops, and gives back what is
   * unanswered.
   */
  cancel(): Promise<void>;
}

/** Thrown by publish while the broker cannot take messages, or did not confirm in time: it may or may not have it. */
export class BusUnavailableError extends Error {
  override readonly name = 'BusUnavailableError';
}

/** Thrown by publish and consume when no queue of that name exists. */
export class UnroutableError extends Error {
  override readonly name = 'UnroutableError';
}

/** Thrown by declareQueue when the queue exists with other options. */
export class QueueConflictError extends Error {
  override readonly name = 'QueueConflictError';
}

/** What a message in the dead queue carries in its headers; its body is the one it had. */
export const deadLetterHeaders = { queue: 'tenma-queue', reason: 'tenma-reason' } as const;

/**
 * Dropped by its handler, delivered too often, or without a body that can be read: of a type that is not JSON, not JSON in
 * spite of it, packed in a way that is not known, not what its packing says, or too large once unpacked.
 */
export type DeadLetterReason =
  | 'dropped'
  | 'delivery_limit'
  | 'unknown_type'
  | 'not_json'
  | 'unknown_encoding'
  | 'corrupt'
  | 'too_large';

/**
 * Connects by itself and for ever; consumers, queues and subscriptions are restored after every reconnection.
 * All calls but `publish`, `broadcast` and `marker` resolve as soon as the wish is recorded when the broker is away.
 */
export interface Bus extends AsyncDisposable {
  readonly status: BusStatus;
  /** Calls back on every change of status; dispose to stop. */
  onStatus(listener: (status: BusStatus) => void): Disposable;
  /**
   * Makes the queue if it is missing. Idempotent.
   * @throws QueueConflictError
   */
  declareQueue(queue: string, options: QueueOptions): Promise<void>;
  /**
   * Resolves when the broker has taken responsibility for the message. Large bodies may travel packed; whoever consumes
   * sees nothing of it, and messages to one queue keep the order of the calls.
   * @throws BusUnavailableError, UnroutableError, RangeError for a body of more than 64 MiB as JSON
   */
  publish(queue: string, body: unknown, options?: PublishOptions): Promise<void>;
  /**
   * A handler that throws answers 'retry'. Messages whose body cannot be read go to the dead queue; from that queue they
   * are delivered as text.
   * @throws UnroutableError
   */
  consume(queue: string, options: ConsumeOptions, handler: DeliveryHandler): Promise<Consumer>;
  /** To every current subscriber of the exchange; nothing is kept for those who are away. */
  broadcast(exchange: string, body: unknown): Promise<void>;
  subscribe(exchange: string, handler: (body: unknown) => void): Promise<AsyncDisposable>;
  /** Messages ready in the queue, or null when it does not exist. @throws BusUnavailableError */
  depth(queue: string): Promise<number | null>;
  /** Reads the one message that the marker queue keeps, leaving it there; null when the broker has none. */
  readMarker(queue: string): Promise<unknown>;
  /** Makes `body` the queue's only message. */
  writeMarker(queue: string, body: unknown): Promise<void>;
}
