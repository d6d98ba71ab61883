import {
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as httpRequest,
} from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { LookupFunction, TcpSocketConnectOpts } from 'node:net';
import { Stopwatch, type Timings } from '../timings.ts';

export interface ExchangeRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** PEM. */
  readonly ca?: string | undefined;
  readonly maxBodyBytes: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** In place of the system's resolver. */
  readonly lookup?: LookupFunction | undefined;
}

/** What is known of an exchange so far; all of it once it has ended well. */
export interface Exchange {
  readonly status: number | null;
  readonly headers: IncomingHttpHeaders;
  readonly httpVersion: string | null;
  readonly remoteAddress: string | null;
  readonly body: Buffer;
  /** True where the answer went on after `maxBodyBytes`. */
  readonly truncated: boolean;
  readonly timings: Timings;
  /** Why it ended early; undefined when it did not. */
  readonly error: unknown;
}

/**
 * One HTTP exchange on a connection of its own, so that every phase is really measured; follows no redirect.
 * Resolves for any failure of the target with `error` set; rejects for none.
 */
export function exchange(options: ExchangeRequest): Promise<Exchange> {
  const watch = new Stopwatch();
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let response: IncomingMessage | undefined;
    let remoteAddress: string | null = null;
    let ended = false;
    const end = (error: unknown, body: Buffer = Buffer.concat(chunks)) => {
      if (ended) return;
      ended = true;
      resolve({
        status: response?.statusCode ?? null,
        headers: response?.headers ?? {},
        httpVersion: response?.httpVersion ?? null,
        remoteAddress,
        body: body.subarray(0, options.maxBodyBytes),
        truncated: body.length > options.maxBodyBytes,
        timings: watch.timings(),
        error,
      });
      request?.destroy();
    };

    let request: ClientRequest | undefined;
    try {
      request = openRequest(options);
    } catch (error) {
      end(error);
      return;
    }
    const brokenOff = () =>
      end(Object.assign(new Error('the target closed the connection'), { code: 'ECONNRESET' }));
    request.on('error', end);
    // A response has a close of its own, and may still hold data when the request closes.
    request.once('close', () => response === undefined && brokenOff());
    request.once('upgrade', (incoming, socket) => {
      response = incoming;
      socket.destroy();
      end(undefined);
    });
    request.once('socket', (socket) => {
      socket.once('lookup', () => watch.mark('resolved'));
      socket.once('connect', () => {
        watch.mark('connected');
        remoteAddress = socket.remoteAddress ?? null;
      });
      socket.once('secureConnect', () => watch.mark('secured'));
    });
    request.once('response', (incoming) => {
      watch.mark('firstByte');
      response = incoming;
      let bytes = 0;
      incoming.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > options.maxBodyBytes) end(undefined);
      });
      incoming.once('end', () => end(undefined));
      incoming.on('error', end);
      incoming.once('close', brokenOff);
    });
    request.end(options.body);
  });
}

function openRequest(options: ExchangeRequest): ClientRequest {
  const { url, method, headers, body, ca, signal, lookup, timeoutMs } = options;
  const settings: RequestOptions & Pick<TcpSocketConnectOpts, 'autoSelectFamilyAttemptTimeout'> = {
    method,
    headers: { ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }), ...headers },
    agent: false,
    signal,
    // Node's 250 ms for each address of a name is less than the way around the globe and back may take.
    autoSelectFamilyAttemptTimeout: Math.max(250, Math.floor(timeoutMs / 2)),
    ...(lookup === undefined ? {} : { lookup }),
    ...(ca === undefined ? {} : { ca }),
  };
  return url.protocol === 'https:' ? httpsRequest(url, settings) : httpRequest(url, settings);
}
