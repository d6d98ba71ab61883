import { ClientClosedError } from './errors.ts';

/** Time, passed in so that a test can own it. */
export interface ClientClock {
  /** Unix milliseconds. */
  now(): number;
  /** Milliseconds that only grow. */
  monotonic(): number;
  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export function systemClock(): ClientClock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason as Error);
        const onAbort = () => {
          clearTimeout(timer);
          reject(signal.reason as Error);
        };
        const timer = setTimeout(() => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        }, ms);
        signal.addEventListener('abort', onAbort, { once: true });
      }),
  };
}

/** How a client returns to a service that is away: full jitter (AWS Architecture Blog) under 100 ms doubling to 5 s. */
export function backoffMs(retry: number, random: () => number): number {
  return Math.round(random() * Math.min(5_000, 100 * 2 ** (retry - 1)));
}

/** `Retry-After` in milliseconds: seconds, or an HTTP date. */
export function retryAfterMs(header: string | null, now: number): number {
  if (header === null || header.trim() === '') return 0;
  const seconds = Number(header);
  const ms = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(header) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}

export interface LinkedSignal extends Disposable {
  readonly signal: AbortSignal;
  /** True once the time ran out before another signal did. */
  readonly timedOut: boolean;
}

/**
 * Aborts when one of the signals does or after `timeoutMs`. Unlike `AbortSignal.any` it lets go of its sources when
 * disposed: a client that lives for days links its own signal to every request.
 */
export function linkSignals(signals: readonly (AbortSignal | undefined)[], timeoutMs?: number): LinkedSignal {
  const controller = new AbortController();
  let timedOut = false;
  const sources = signals.filter((source) => source !== undefined);
  const onAbort = (event: Event) => controller.abort((event.target as AbortSignal).reason);
  for (const source of sources) {
    if (source.aborted) controller.abort(source.reason);
    else source.addEventListener('abort', onAbort, { once: true });
  }
  const onTimeout = () => {
    timedOut = !controller.signal.aborted;
    controller.abort(new DOMException('The time allowed has passed', 'TimeoutError'));
  };
  const timer = timeoutMs === undefined ? undefined : setTimeout(onTimeout, Math.min(timeoutMs, 2 ** 31 - 1));
  return {
    signal: controller.signal,
    get timedOut() {
      return timedOut;
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      for (const source of sources) source.removeEventListener('abort', onAbort);
    },
  };
}

/** Settles as `promise` does, or rejects with the signal's reason, whichever is first. */
export function unlessAborted<Value>(
  promise: Promise<Value>,
  signal: AbortSignal | undefined,
): Promise<Value> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** The end of a client's life, as a signal. */
export function lifetime(): { signal: AbortSignal; end: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, end: () => controller.abort(new ClientClosedError()) };
}
