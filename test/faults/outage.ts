import { sleep, systemClock } from '@tenma/runtime';
import { submitEchoes } from './stack.ts';

const outageMs = 60_000;
/** Longer than every clock that could mistake an outage for a loss (30 s leases and heartbeats): so is the outage. */
export const timeout = outageMs + 90_000;
/** How often tasks arrive during the outage. */
const pauseMs = 2_000;

/** Submits all the time while something is down, then lets `repair` end it. Returns how many were accepted. */
export async function submitDuring(api: string, repair: () => Promise<unknown>): Promise<number> {
  const clock = systemClock();
  const until = clock.monotonic() + outageMs;
  let accepted = 0;
  for (; clock.monotonic() < until; accepted += 50) {
    await submitEchoes(api, accepted, accepted + 50);
    await sleep(clock, pauseMs);
  }
  await repair();
  return accepted;
}
