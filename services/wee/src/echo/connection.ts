import type { Socket } from 'node:net';
import type { Clock } from '@tenma/runtime';

/** Bounds of a connection; what goes beyond them is closed. */
export const echoLimits = {
  /** Of a line, without its end. */
  lineBytes: 64,
  /** After the last of them it is closed in order. Also bounds what waits for one that sends and never reads. */
  lines: 1_000,
  /** Without a whole line. */
  idleMs: 30_000,
} as const;

const lineEnd = 0x0a;

/** Sends each line back unchanged until the other end closes, falls silent or goes beyond the bounds. Never throws. */
export function serveEcho(socket: Socket, clock: Clock): void {
  let lines = 0;
  /** The beginning of a line: at most `lineBytes`. */
  let begun: Buffer = Buffer.alloc(0);
  const close = () => void socket.destroy();
  let idle = clock.after(echoLimits.idleMs, close);

  socket.on('error', close);
  socket.once('close', () => idle[Symbol.dispose]());
  const read = (chunk: Buffer): void => {
    const bytes = begun.length === 0 ? chunk : Buffer.concat([begun, chunk]);
    let answered = 0;
    while (lines < echoLimits.lines) {
      const end = bytes.indexOf(lineEnd, answered);
      if ((end === -1 ? bytes.length : end) - answered > echoLimits.lineBytes) return close();
      if (end === -1) break;
      answered = end + 1;
      lines += 1;
    }
    if (answered > 0) {
      socket.write(bytes.subarray(0, answered));
      idle[Symbol.dispose]();
      idle = clock.after(echoLimits.idleMs, close);
    }
    if (lines === echoLimits.lines) {
      // What comes still is not looked at.
      socket.off('data', read);
      socket.end();
    } else begun = Buffer.from(bytes.subarray(answered));
  };
  socket.on('data', read);
}
