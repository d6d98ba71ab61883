import { manualClock } from '@tenma/runtime';
import { expect, test } from 'vitest';
import { createLagWindow } from './lag-window.ts';

test('a lag window gives quantiles exact to a tenth', () => {
  const lag = createLagWindow(manualClock());
  for (let ms = 1; ms <= 1_000; ms += 1) lag.note(ms);
  const { count, p50, p99, max } = lag.read();
  expect([count, max]).toEqual([1_000, 1_000]);
  expect(p50).toBeGreaterThanOrEqual(500);
  expect(p50).toBeLessThanOrEqual(550);
  expect(p99).toBeGreaterThanOrEqual(990);
  expect(p99).toBeLessThanOrEqual(1_000);
});

test('a lag window forgets what is older than a minute', async () => {
  const clock = manualClock();
  const lag = createLagWindow(clock);
  lag.note(9_000);
  await clock.advance(31_000);
  lag.note(10);
  expect(lag.read()).toMatchObject({ count: 2, max: 9_000 });
  await clock.advance(30_000);
  expect(lag.read()).toMatchObject({ count: 1, max: 10 });
  await clock.advance(100_000);
  expect(lag.read()).toEqual({ count: 0, p50: 0, p99: 0, max: 0 });
});
