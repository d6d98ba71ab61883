import { connect, isIP, type Socket } from 'node:net';

export interface Dialled {
  readonly host: string;
  readonly port: number;
  /** The local address to dial from; undefined: the system chooses. */
  readonly sourceAddress: string | undefined;
  readonly timeoutMs: number;
}

export interface Connection {
  readonly socket: Socket;
  /** The TCP handshake of the address that answered, without the resolving of its name. */
  readonly handshakeMs: number;
}

/** Makes a TCP connection that sends at once what is written. Rejects when it fails, or `signal` aborts before. */
export async function dial(
  { host, port, sourceAddress, timeoutMs }: Dialled,
  signal: AbortSignal,
): Promise<Connection> {
  signal.throwIfAborted();
  const socket = connect({
    host,
    port,
    noDelay: true,
    autoSelectFamilyAttemptTimeout: Math.max(250, Math.floor(timeoutMs / 2)),
    // Only addresses of the same family can be reached from it.
    ...(sourceAddress === undefined ? {} : { localAddress: sourceAddress, family: isIP(sourceAddress) }),
  });
  let attemptedAt = performance.now();
  // A name can stand for several addresses, which are tried one after the other.
  socket.on('connectionAttempt', () => (attemptedAt = performance.now()));
  const abort = () => socket.destroy(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.once('connect', () => {
      const handshakeMs = performance.now() - attemptedAt;
      signal.removeEventListener('abort', abort);
      resolve({ socket, handshakeMs });
    });
  });
}
