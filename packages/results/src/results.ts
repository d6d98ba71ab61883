/** How the fabric announces: topics over MQTT. Two adapters: `embedded` (a broker in this process) and `mqtt`. */

export type ResultsStatus = 'connecting' | 'connected' | 'closed';

export interface AnnounceOptions {
  readonly qos: 0 | 1;
  readonly retain?: boolean;
  /** Gives up waiting for the broker's acknowledgement (QoS 1). Default 5 s. */
  readonly timeoutMs?: number;
}

export interface Message {
  readonly topic: string;
  /**
   * The parsed JSON payload, with the data of a CloudEvent unpacked; null when the payload is empty (a retained message
   * was cleared) or cannot be read.
   */
  readonly payload: unknown;
  readonly retained: boolean;
}

/** What the broker announces for us when we vanish without a goodbye. */
export interface Will {
  readonly topic: string;
  readonly payload: unknown;
  readonly retain: boolean;
}

/** Thrown by announce while there is no connection, or when the acknowledgement did not come in time. */
export class ResultsUnavailableError extends Error {
  override readonly name = 'ResultsUnavailableError';
}

/** Connects by itself and for ever; subscriptions are restored after every reconnection. */
export interface Results extends AsyncDisposable {
  readonly status: ResultsStatus;
  onStatus(listener: (status: ResultsStatus) => void): Disposable;
  /**
   * CloudEvents with more than 64 KiB of data travel packed. QoS 1 resolves at the broker's acknowledgement, QoS 0 when the message has left. Never queues for later: while
   * disconnected it throws at once.
   * @throws ResultsUnavailableError
   */
  announce(topic: string, payload: unknown, options: AnnounceOptions): Promise<void>;
  /** `filter` may hold `+` and `#`. Retained messages arrive first. Resolves when recorded, not when granted. */
  subscribe(filter: string, handler: (message: Message) => void): Promise<AsyncDisposable>;
}
