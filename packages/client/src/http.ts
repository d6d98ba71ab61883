import { isThisMachine, type Problem, problemSchema } from '@tenma/protocol';
import { gzip } from './compression.ts';
import { BadResponseError, RequestError, type TenmaError, UnreachableError } from './errors.ts';
import { type ClientClock, linkSignals, retryAfterMs } from './patience.ts';

/** The part of a zod schema that reading an answer needs. An answer without a body (204) is read as `undefined`. */
export interface Reader<Value> {
  safeParse(data: unknown): { success: true; data: Value } | { success: false; error: Error };
}

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** From the root of the API, with its query. */
  path: string;
  /** JSON text. */
  body?: string;
  /** The body is worth packing. */
  pack?: boolean;
  /** Statuses besides 2xx that are answers, not faults. */
  alsoOk?: readonly number[];
}

export interface Answer<Value> {
  status: number;
  data: Value;
  /** What `data` was read from. */
  text: string;
  /** LE's clock when it answered, by its `Date` header; else the local clock. */
  serverNow: number;
}

/** A try that ended without success, and what it says about another. */
interface Fault {
  error: TenmaError;
  /** LE says that it did nothing. */
  refused: boolean;
  /** Another try may go better. */
  passing: boolean;
  notBeforeMs: number;
}

/** Single requests to LE. */
export interface Http {
  /** @throws BadResponseError, or the reason of a signal */
  attempt<Value>(
    request: HttpRequest,
    reader: Reader<Value>,
    timeoutMs: number,
    signals: readonly (AbortSignal | undefined)[],
  ): Promise<Answer<Value> | Fault>;
  /** Resolves with the open body of a 2xx answer. The signal also ends the reading of it. */
  open(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response>;
}

export interface HttpOptions {
  url: string;
  fetch: typeof globalThis.fetch;
  token: string | undefined;
  clock: ClientClock;
}

const refusals: readonly number[] = [429, 503];
const gatewayFaults: readonly number[] = [502, 504];
/** What a server says of a packed body that takes none: 400 when it took it for JSON. */
const packingFaults: readonly number[] = [400, 415];

/** Whether an answer with this status may be followed by a better one. */
export function isPassing(status: number): boolean {
  return refusals.includes(status) || gatewayFaults.includes(status);
}

/** What the service, or the way to it, is down for at the moment. */
export function isOutage(error: unknown): boolean {
  return error instanceof UnreachableError || (error instanceof RequestError && isPassing(error.status));
}

export function createHttp({ url, fetch, token, clock }: HttpOptions): Http {
  const base = url.replace(/\/+$/, '');
  const authorization: Record<string, string> =
    token === undefined ? {} : { authorization: `Bearer ${token}` };
  const isNear = isThisMachine(base);
  const common: Record<string, string> = isNear
    ? { ...authorization, 'accept-encoding': 'identity' }
    : authorization;
  let packing = !isNear;

  async function send({ method, path, body, pack }: HttpRequest, signal: AbortSignal): Promise<Response> {
    const headers = { accept: 'application/json', ...common };
    if (body === undefined) return fetch(base + path, { method, headers, signal });
    const plain = { method, headers: { ...headers, 'content-type': 'application/json' }, signal };
    const packed = packing && pack === true ? await gzip(body) : undefined;
    if (packed === undefined) return fetch(base + path, { ...plain, body });
    const packedHeaders = { ...plain.headers, 'content-encoding': 'gzip' };
    const response = await fetch(base + path, { ...plain, headers: packedHeaders, body: packed });
    if (!packingFaults.includes(response.status)) return response;
    await response.body?.cancel();
    const second = await fetch(base + path, { ...plain, body });
    // It was the packing then, and no fault of the body: it is not tried again.
    if (second.ok) packing = false;
    return second;
  }

  return {
    async attempt(request, reader, timeoutMs, signals) {
      using linked = linkSignals(signals, timeoutMs);
      const { signal } = linked;
      let response: Response;
      let text: string;
      try {
        response = await send(request, signal);
        text = await response.text();
      } catch (cause) {
        if (signal.aborted && !linked.timedOut) throw signal.reason;
        const why = linked.timedOut ? `no answer within ${Math.round(timeoutMs)} ms` : networkFault(cause);
        const error = new UnreachableError(`${base} is not reachable: ${why}`, cause);
        return { error, refused: false, passing: true, notBeforeMs: 0 };
      }
      const { status } = response;
      if (!response.ok && !request.alsoOk?.includes(status)) return faultOf(response, text, clock.now());
      const serverNow = Date.parse(response.headers.get('date') ?? '') || clock.now();
      return { status, data: read(text, status, reader), text, serverNow };
    },
    async open(path, headers, signal) {
      let response: Response;
      try {
        response = await fetch(base + path, { headers: { ...authorization, ...headers }, signal });
      } catch (cause) {
        signal.throwIfAborted();
        throw new UnreachableError(`${base} is not reachable: ${networkFault(cause)}`, cause);
      }
      if (!response.ok) throw faultOf(response, await response.text(), clock.now()).error;
      return response;
    },
  };
}

/** The innermost cause says most: `fetch failed` wraps `connect ECONNREFUSED …`. */
function networkFault(cause: unknown): string {
  let error = cause;
  while (error instanceof Error && error.cause instanceof Error) error = error.cause;
  if (error instanceof AggregateError && error.errors[0] instanceof Error) error = error.errors[0];
  return error instanceof Error ? error.message : String(error);
}

function faultOf(response: Response, text: string, now: number): Fault {
  const { status } = response;
  return {
    error: new RequestError(problemOf(status, text)),
    refused: refusals.includes(status),
    passing: isPassing(status),
    notBeforeMs: retryAfterMs(response.headers.get('retry-after'), now),
  };
}

/** What LE said, or what a proxy in front of it left of that. */
function problemOf(status: number, text: string): Problem {
  try {
    const parsed = problemSchema.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
  } catch {
    // Not JSON: the answer is not LE's own.
  }
  return {
    type: 'about:blank',
    title: `HTTP ${status}`,
    status,
    detail: `The server answered ${status}: ${text.slice(0, 200) || '(no body)'}`,
    code: `http_${status}`,
    retryable: status >= 500 || status === 429,
    hint: 'The answer is not of a Tenma API: check the URL, and any proxy on the way.',
  };
}

function read<Value>(text: string, status: number, reader: Reader<Value>): Value {
  let data: unknown;
  try {
    data = status === 204 ? undefined : JSON.parse(text);
  } catch (cause) {
    throw new BadResponseError(`The server answered ${status} with a body that is not JSON`, status, cause);
  }
  const parsed = reader.safeParse(data);
  if (parsed.success) return parsed.data;
  const message = `The server answered ${status} with a body of an unknown shape: ${parsed.error.message}`;
  throw new BadResponseError(message, status, parsed.error);
}
