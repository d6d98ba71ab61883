import { describe, expect, test } from 'vitest';
import { clockOf, systemTime } from './clock.ts';

describe('the clock of a real attempt', () => {
  test('tells the time of the system, and sleeps as long as it is told', async () => {
    const clock = clockOf(systemTime, new AbortController().signal);
    const [before, startedAt] = [Date.now(), performance.now()];
    expect(clock.now()).toBeGreaterThanOrEqual(before);
    await clock.sleep(20);
    // A timer may fire a millisecond early by this clock.
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(19);
  });

  test('ends a sleep with the reason of the signal, also one of a year', async () => {
    const controller = new AbortController();
    const asleep = clockOf(systemTime, controller.signal).sleep(365 * 24 * 3_600_000);
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(asleep).rejects.toBe(reason);
    await expect(clockOf(systemTime, controller.signal).sleep(1)).rejects.toBe(reason);
  });
});
