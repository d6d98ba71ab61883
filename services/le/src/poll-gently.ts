import { type Clock, every } from '@tenma/runtime';

const restFactor = 4;

/** Polls at its pace, but leaves the store alone for several times as long as it took to answer. */
export function pollGently(clock: Clock, everyMs: number, poll: () => Promise<void>): Disposable {
  let restUntil = 0;
  return every(clock, everyMs, async () => {
    const started = clock.monotonic();
    if (started < restUntil) return;
    await poll();
    const ended = clock.monotonic();
    restUntil = ended + restFactor * (ended - started);
  });
}
