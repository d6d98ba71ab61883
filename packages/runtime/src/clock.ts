/** Time, passed in wherever it matters, so that a test or a simulation can own it. */
export interface Clock {
  /** Unix milliseconds, for records. */
  now(): number;
  /** Milliseconds that only grow, for durations. */
  monotonic(): number;
  /** Calls `action` once after `delayMs`, unless disposed first. Does not keep the process alive. */
  after(delayMs: number, action: () => void): Disposable;
}

export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    after(delayMs, action) {
      const timer = setTimeout(action, delayMs);
      timer.unref();
      return { [Symbol.dispose]: () => clearTimeout(timer) };
    },
  };
}

/** Resolves after `delayMs`, or rejects with the signal's reason. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const onAbort = () => {
      timer[Symbol.dispose]();
      reject(signal?.reason as Error);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** Calls `action` every `periodMs` until disposed; a call that is still running is not overlapped but skipped. */
export function every(clock: Clock, periodMs: number, action: () => void | Promise<void>): Disposable {
  let timer: Disposable | undefined;
  let stopped = false;
  const arm = () => {
    timer = clock.after(periodMs, () => {
      void Promise.resolve()
        .then(action)
        .finally(() => {
          if (!stopped) arm();
        });
    });
  };
  arm();
  return {
    [Symbol.dispose]() {
      stopped = true;
      timer?.[Symbol.dispose]();
    },
  };
}
