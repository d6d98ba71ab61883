import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import { type Clock, ConfigError, type Log } from '@tenma/runtime';
import { serveEcho } from './connection.ts';

/** A TCP server that sends each line back, so that others can measure the round trip to where it stands. */
export interface EchoResponder extends AsyncDisposable {
  /** `host:port` that others should dial. */
  readonly address: string;
}

export interface EchoOptions {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** `host:port` that others should dial, where that is not what it listens on. */
  readonly advertise?: string | undefined;
}

/** A prober needs one connection for a moment: what goes beyond is misuse. */
const connectionsMax = 256;

interface Components {
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Listens until it is disposed, which breaks off what is connected. Whatever connections do, it neither throws nor
 * grows beyond 256 of them; others are closed unheard.
 * @throws ConfigError when it cannot listen there
 */
export async function startEcho(components: Components, options: EchoOptions): Promise<EchoResponder> {
  const { log, clock } = components;
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    serveEcho(socket, clock);
  });
  server.maxConnections = connectionsMax;
  const port = await listen(server, options);
  // Such as no more file descriptors: whoever dialled is lost, the next one may not be.
  server.on('error', (error) => log.warn({ err: error }, 'echo: a connection was not taken'));
  const host = isIPv6(options.host) ? `[${options.host}]` : options.host;
  return {
    address: options.advertise ?? `${host}:${port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function listen(server: Server, { host, port }: EchoOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const refused = ({ code, message }: NodeJS.ErrnoException) => {
      const why = code === 'EADDRINUSE' ? `port ${port} on ${host} is taken` : message;
      reject(new ConfigError(`TENMA_ECHO_HOST, TENMA_ECHO_PORT: the echo responder cannot listen: ${why}`));
    };
    server.once('error', refused);
    server.listen({ host, port }, () => {
      server.removeListener('error', refused);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
