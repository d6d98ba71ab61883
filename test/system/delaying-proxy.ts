import { connect, createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

export interface DelayingProxy extends AsyncDisposable {
  /** `host:port` to dial instead of the target. */
  readonly address: string;
  /** Bytes that have passed through, both ways. */
  readonly bytes: () => number;
}

/**
 * Passes TCP on to a port of loopback, each way late by half the round trip that `roundTripMs` gives for the address
 * the caller dials from. Stands for the network between two regions.
 */
export async function startDelayingProxy(
  targetPort: number,
  roundTripMs: (fromAddress: string) => number,
): Promise<DelayingProxy> {
  let bytes = 0;
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (caller) => {
    const target = connect({ host: '127.0.0.1', port: targetPort, noDelay: true });
    const lateMs = roundTripMs(caller.remoteAddress ?? '') / 2;
    for (const [from, to] of [
      [caller, target],
      [target, caller],
    ] as const) {
      sockets.add(from);
      from.on('data', (chunk) => {
        bytes += chunk.length;
        setTimeout(() => to.writable && to.write(chunk), lateMs);
      });
      from.on('close', () => {
        sockets.delete(from);
        setTimeout(() => to.destroy(), lateMs);
      });
      from.on('error', () => undefined);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    bytes: () => bytes,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
