import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, WebSocketServer } from 'ws';

/** The name that MQTT has as a WebSocket subprotocol (MQTT 3.1.1, 6). */
const subprotocol = 'mqtt';

export interface WebSockets extends AsyncDisposable {
  /** Carries MQTT on `path` of the server until disposed. Upgrades to other paths are left to their own listeners. */
  attach(server: Server, path: string): Disposable;
}

/** MQTT over WebSocket on somebody else's HTTP server; `onConnection` gets the byte stream. */
export function createWebSockets(
  onConnection: (stream: Duplex, request: IncomingMessage) => void,
  { maxPacketBytes }: { maxPacketBytes: number },
): WebSockets {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxPacketBytes,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  });
  const attached = new Set<Disposable>();

  function attach(server: Server, path: string): Disposable {
    const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (new URL(request.url ?? '/', 'http://localhost').pathname !== path) {
        // With a listener Node leaves refusing to it, so the last one has to.
        if (server.listenerCount('upgrade') === 1) refuse(socket, 404);
        return;
      }
      const status = faultOf(request);
      if (status !== undefined) return refuse(socket, status);
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        onConnection(createWebSocketStream(webSocket), request);
      });
    };
    server.on('upgrade', onUpgrade);
    const attachment = {
      [Symbol.dispose]() {
        attached.delete(attachment);
        server.off('upgrade', onUpgrade);
      },
    };
    attached.add(attachment);
    return attachment;
  }

  return {
    attach,
    async [Symbol.asyncDispose]() {
      for (const attachment of attached) attachment[Symbol.dispose]();
      for (const client of sockets.clients) client.terminate();
      await new Promise<void>((resolve) => sockets.close(() => resolve()));
    },
  };
}

/** A browser names the page's origin: only pages of the same host may connect. Other programs name none. */
function faultOf(request: IncomingMessage): number | undefined {
  const { origin, host } = request.headers;
  if (origin !== undefined && hostOf(origin) !== host) return 403;
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  return offered.includes(subprotocol) ? undefined : 400;
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

function refuse(socket: Duplex, status: number): void {
  socket.once('error', () => {});
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
