import type { ServerResponse } from 'node:http';
import type { CloudEvent } from '@tenma/protocol';

/** Bytes waiting for a reader beyond which it counts as slow. */
const slowBytes = 256 * 1024;

/** A response of server-sent events. Disposing ends it. */
export interface EventStream extends Disposable {
  /** Resolves when nothing more will be sent: it was ended, the reader has left, or the app closes. */
  readonly over: Promise<void>;
  /** `id` is what a reader that comes back says it has seen. */
  send(event: CloudEvent<unknown>, id: number): void;
  /** Sends what a reader can do without: not while it is slow. */
  offer(event: CloudEvent<unknown>): void;
  heartbeat(): void;
  end(): void;
}

/** Begins the response, unless its reader has left already: then it is over from the start. */
export function openEventStream(raw: ServerResponse, closing: AbortSignal): EventStream {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const write = (text: string) => {
    if (!raw.writableEnded && !raw.destroyed) raw.write(text);
  };
  const end = () => {
    closing.removeEventListener('abort', end);
    if (!raw.writableEnded && !raw.destroyed) raw.end();
    resolve();
  };
  raw.once('close', end);
  closing.addEventListener('abort', end);
  if (raw.destroyed) {
    end();
  } else {
    raw.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    write('retry: 2000\n\n');
    if (closing.aborted) end();
  }
  return {
    over,
    send: (event, id) => write(`id: ${id}\n${textOf(event)}`),
    offer: (event) => raw.writableLength <= slowBytes && write(textOf(event)),
    heartbeat: () => write(': still here\n\n'),
    end,
    [Symbol.dispose]: end,
  };
}

function textOf(event: CloudEvent<unknown>): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
