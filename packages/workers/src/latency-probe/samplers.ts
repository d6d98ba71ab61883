import { dial, type Dialled } from './dial.ts';
import { type EchoConnection, openEcho } from './echo-connection.ts';

/** A way of measuring the round trip to one target. */
export interface Sampler extends Disposable {
  /** One round trip in ms. Rejects when there is none, and when `signal` aborts. One at a time. */
  sample(signal: AbortSignal): Promise<number>;
}

/**
 * Lines over one connection, which the first sample makes: neither the handshake nor a proxy that answers it in place
 * of the target is part of what is measured.
 */
export function echoSampler(target: Dialled): Sampler {
  let connection: EchoConnection | undefined;
  return {
    async sample(signal) {
      connection ??= await openEcho(target, signal);
      return connection.roundTrip(signal);
    },
    [Symbol.dispose]: () => connection?.[Symbol.dispose](),
  };
}

/** The TCP handshake of a fresh connection: what every target can be asked for. */
export function connectSampler(target: Dialled): Sampler {
  return {
    async sample(signal) {
      const { socket, handshakeMs } = await dial(target, signal);
      socket.destroy();
      return handshakeMs;
    },
    [Symbol.dispose]: () => undefined,
  };
}
