/** The end of a probe's own timeout or of its attempt, whichever comes first. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  /** True once the timeout has passed; false while it has not, and when the attempt was aborted instead. */
  expired(): boolean;
}

/**
 * Unlike AbortSignal.any with AbortSignal.timeout it leaves no timer behind: a process that probes a thousand
 * targets a second would hold thousands.
 */
export function startDeadline(attempt: AbortSignal, timeoutMs: number): Deadline {
  attempt.throwIfAborted();
  const controller = new AbortController();
  let expired = false;
  const onAbort = () => controller.abort(attempt.reason);
  const timer = setTimeout(() => {
    expired = !attempt.aborted;
    controller.abort(new DOMException(`no answer within ${timeoutMs} ms`, 'TimeoutError'));
  }, timeoutMs);
  attempt.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    expired: () => expired,
    [Symbol.dispose]() {
      clearTimeout(timer);
      attempt.removeEventListener('abort', onAbort);
    },
  };
}
