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

/** What has come of an answer. */
interface Arrived {
  response: IncomingMessage | undefined;
  remoteAddress: string | null;
  chunks: Buffer[];
  bytes: number;
}

/**
 * One HTTP exchange on a connection of its own, so that every phase is really measured; follows no redirect.
 * Resolves for any failure of the target with `error` set; rejects for none.
 */
export async function exchange(options: ExchangeRequest): Promise<Exchange> {
  const watch = new Stopwatch();
  const arrived: Arrived = { response: undefined, remoteAddress: null, chunks: [], bytes: 0 };
  let request: ClientRequest | undefined;
  let error: unknown;
  try {
    request = openRequest(options);
    await answerTo(request, arrived, watch, options);
  } catch (thrown) {
    error = thrown;
  } finally {
    request?.destroy();
  }
  return {
    status: arrived.response?.statusCode ?? null,
    headers: arrived.response?.headers ?? {},
    httpVersion: arrived.response?.httpVersion ?? null,
    remoteAddress: arrived.remoteAddress,
    body: Buffer.concat(arrived.chunks).subarray(0, options.maxBodyBytes),
    truncated: arrived.bytes > options.maxBodyBytes,
    timings: watch.timings(),
    error,
  };
}

/** Sends the request; resolves when the answer has come, or as much of it as may. */
function answerTo(
  request: ClientRequest,
  arrived: Arrived,
  watch: Stopwatch,
  { body, maxBodyBytes }: ExchangeRequest,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const brokenOff = () => {
      reject(Object.assign(new Error('the target closed the connection'), { code: 'ECONNRESET' }));
    };
    request.on('error', reject);
    // A response has a close of its own, and may still hold data when the request closes.
    request.once('close', () => arrived.response === undefined && brokenOff());
    request.once('upgrade', (response, socket) => {
      arrived.response = response;
      socket.destroy();
      resolve();
    });
    request.once('socket', (socket) => {
      socket.once('lookup', () => watch.mark('resolved'));
      socket.once('connect', () => {
        watch.mark('connected');
        arrived.remoteAddress = socket.remoteAddress ?? null;
      });
      socket.once('secureConnect', () => watch.mark('secured'));
    });
    request.once('response', (response) => {
      watch.mark('firstByte');
      arrived.response = response;
      response.on('data', (chunk: Buffer) => {
        arrived.chunks.push(chunk);
        arrived.bytes += chunk.length;
        if (arrived.bytes > maxBodyBytes) resolve();
      });
      response.once('end', resolve);
      response.on('error', reject);
      response.once('close', brokenOff);
    });
    request.end(body);
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
