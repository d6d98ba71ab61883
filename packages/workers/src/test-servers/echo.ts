import { connect } from 'node:net';
import { type Listening, startTcp } from './listen.ts';

/** Sends everything back at once. */
export function startEcho(): Promise<Listening> {
  return startTcp((socket) => {
    socket.setNoDelay();
    socket.on('data', (chunk) => socket.write(chunk));
  });
}

interface DelayingProxy extends Listening {
  /** What each round trip really took, from a chunk's arrival here until the chunk of its answer left. */
  readonly roundTripsMs: readonly number[];
}

/**
 * Stands before a server on this machine, as a long path would: each direction takes `oneWayMs`, in order. What it
 * measures takes for granted that every chunk is answered by one.
 */
export async function startDelayingProxy(port: number, oneWayMs: number): Promise<DelayingProxy> {
  const roundTripsMs: number[] = [];
  const listening = await startTcp((near) => {
    const arrivedAt: number[] = [];
    const far = connect({ host: '127.0.0.1', port, noDelay: true });
    near.setNoDelay();
    near.on('data', () => arrivedAt.push(performance.now()));
    const answer = (chunk: Buffer) => {
      roundTripsMs.push(performance.now() - (arrivedAt.shift() ?? Number.NaN));
      near.write(chunk);
    };
    for (const [from, to, pass] of [
      [near, far, (chunk: Buffer) => far.write(chunk)],
      [far, near, answer],
    ] as const) {
      from.on('error', () => to.destroy());
      from.on('data', (chunk) => setTimeout(() => to.writable && pass(chunk), oneWayMs));
      from.once('close', () => setTimeout(() => to.destroy(), oneWayMs));
    }
  });
  return Object.assign(listening, { roundTripsMs });
}
