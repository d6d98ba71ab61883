import {
  type Answer,
  createHttp,
  type Http,
  type HttpOptions,
  type HttpRequest,
  type Reader,
} from './http.ts';
import { backoffMs, linkSignals } from './patience.ts';

/**
 * When to send a request again: `always` also after one without an answer (it must be safe to receive twice), `refused`
 * only when LE said that it did nothing (429, 503), `never` where making the change again is another change, and even a
 * 503 may come from one that was made: the store's answer to the commit was lost.
 */
export type Repeat = 'always' | 'refused' | 'never';

interface Call extends HttpRequest {
  signal?: AbortSignal | undefined;
  repeat: Repeat;
  /** Bounds all tries together; default: the transport's `retryForMs`. */
  retryForMs?: number;
  /** Bounds one try. Default 30 s. */
  attemptTimeoutMs?: number;
}

/** Requests to LE, repeated with jittered backoff (and not before `Retry-After`) while that makes sense. */
export interface Transport extends Pick<Http, 'open'> {
  /** @throws RequestError, UnreachableError, BadResponseError, or the signal's reason */
  call<Value>(call: Call, reader: Reader<Value>): Promise<Answer<Value>>;
}

export interface TransportOptions extends HttpOptions {
  random: () => number;
  retryForMs: number;
  /** Ends every call. */
  closing: AbortSignal;
}

export function createTransport(options: TransportOptions): Transport {
  const { clock, random, closing } = options;
  const http = createHttp(options);
  return {
    open: (path, headers, signal) => http.open(path, headers, signal),
    async call(call, reader) {
      const deadline = clock.monotonic() + (call.retryForMs ?? options.retryForMs);
      using waiting = linkSignals([call.signal, closing]);
      for (let tries = 1; ; tries += 1) {
        waiting.signal.throwIfAborted();
        // A first try gets its own full time, so that `retryForMs: 0` means "once".
        const leftMs = tries === 1 ? Infinity : Math.max(1, deadline - clock.monotonic());
        const timeoutMs = Math.min(call.attemptTimeoutMs ?? 30_000, leftMs);
        const outcome = await http.attempt(call, reader, timeoutMs, [call.signal, closing]);
        if (!('error' in outcome)) return outcome;
        const pauseMs = outcome.notBeforeMs + backoffMs(tries, random);
        const again =
          outcome.passing && (call.repeat === 'always' || (call.repeat === 'refused' && outcome.refused));
        if (!again || clock.monotonic() + pauseMs >= deadline) throw outcome.error;
        await clock.sleep(pauseMs, waiting.signal);
      }
    },
  };
}
