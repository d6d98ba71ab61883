import type { Clock } from '@tenma/runtime';

/** Waits for the event or for the limit, whichever is first; the answer says whether the event came. */
export function within(clock: Clock, limitMs: number, event: Promise<void>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.after(limitMs, () => resolve(false));
    void event.finally(() => {
      timer[Symbol.dispose]();
      resolve(true);
    });
  });
}
