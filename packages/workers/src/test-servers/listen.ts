import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { Certificate } from './certificates.ts';

export interface Listening extends AsyncDisposable {
  readonly port: number;
  /** http://127.0.0.1:port or https://… */
  readonly url: string;
}

export function startHttp(listener: RequestListener, certificate?: Certificate): Promise<Listening> {
  if (certificate === undefined) return listen(createServer(listener), 'http');
  return listen(createHttpsServer(certificate, listener), 'https');
}

export function startTcp(onConnection: (socket: Socket) => void): Promise<Listening> {
  return listen(createTcpServer(onConnection), 'tcp');
}

export function startTls(
  certificate: Certificate,
  onConnection: (socket: TLSSocket) => void,
): Promise<Listening> {
  return listen(createTlsServer(certificate, onConnection), 'tls');
}

async function listen(server: Server, protocol: string): Promise<Listening> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    port,
    url: `${protocol}://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
