import type { Socket } from 'node:net';
import { dial, type Dialled } from './dial.ts';

/** One connection to an echo responder. */
export interface EchoConnection extends Disposable {
  /**
   * Sends a line and waits for it: the round trip in ms. One at a time. Rejects when `signal` aborts, after which the
   * next one can be taken, and when the connection is broken, after which all reject.
   */
  roundTrip(signal: AbortSignal): Promise<number>;
}

/** What is at the other end answers, and not with what it was sent. */
export class NotAnEcho extends Error {
  override readonly name = 'NotAnEcho';
}

/** Longer than every line sent. */
const longestLine = 64;

export async function openEcho(dialled: Dialled, signal: AbortSignal): Promise<EchoConnection> {
  const { socket } = await dial(dialled, signal);
  return new LineEcho(socket);
}

interface Sent {
  readonly line: string;
  readonly at: number;
  readonly resolve: (roundTripMs: number) => void;
  readonly reject: (error: Error) => void;
}

class LineEcho implements EchoConnection {
  readonly #socket: Socket;
  #sent: Sent | undefined;
  #sequence = 0;
  #received = '';
  #broken: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#read(chunk.toString('latin1'), performance.now()));
    socket.once('error', (error) => this.#break(error));
    const closed = Object.assign(new Error('the target closed the connection'), { code: 'ECONNRESET' });
    socket.once('close', () => this.#break(closed));
  }

  roundTrip(signal: AbortSignal): Promise<number> {
    if (this.#broken) return Promise.reject(this.#broken);
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      const line = lineOf(++this.#sequence);
      this.#sent = { line, at: performance.now(), resolve, reject };
      this.#socket.write(line);
    });
  }

  #read(text: string, at: number): void {
    const lines = (this.#received + text).split('\n');
    this.#received = lines.pop() ?? '';
    for (const line of lines) this.#take(`${line}\n`, at);
    if (this.#received.length > longestLine) this.#break(new NotAnEcho('a line that never ends'));
  }

  #take(line: string, at: number): void {
    if (line === this.#sent?.line) this.#sent.resolve(at - this.#sent.at);
    else if (!this.#isLate(line)) this.#break(new NotAnEcho(`${JSON.stringify(line)} was never sent`));
  }

  /** An echo of a line that was given up: it counts as lost. */
  #isLate(line: string): boolean {
    const number = Number(/^tenma (\d{1,9})\n$/.exec(line)?.[1] ?? Number.NaN);
    return number < this.#sequence;
  }

  #break(error: Error): void {
    this.#broken ??= error;
    this.#sent?.reject(this.#broken);
    this.#socket.destroy();
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

function lineOf(sequence: number): string {
  return `tenma ${sequence}\n`;
}
