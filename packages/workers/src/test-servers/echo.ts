import { connect } from 'node:net';
import { type Listening, startTcp } from './listen.ts';

/** Sends everything back at once. */
export function startEcho(): Promise<Listening> {
  return startTcp((socket) => {
    socket.setNoDelay();
    socket.on('data', (chunk) => socket.write(chunk));
  });
}

/** Stands before a server on this machine, as a long path would: each direction takes `oneWayMs`, in order. */
export function startDelayingProxy(port: number, oneWayMs: number): Promise<Listening> {
  return startTcp((near) => {
    const far = connect({ host: '127.0.0.1', port, noDelay: true });
    near.setNoDelay();
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('error', () => to.destroy());
      from.on('data', (chunk) => setTimeout(() => to.writable && to.write(chunk), oneWayMs));
      from.once('close', () => setTimeout(() => to.destroy(), oneWayMs));
    }
  });
}
