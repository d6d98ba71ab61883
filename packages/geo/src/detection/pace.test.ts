import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { freshForMs, paces, presets, worstCaseSwitchMs } from './pace.ts';

it('the worst case to switch is the sum of what has to pass, within what is promised', () => {
  expect(worstCaseSwitchMs(paces.default)).toBe(10_000 + 3 * 3_000 + 2 * 1_000 + 1_000 + 3_000 + 2_000);
  expect(worstCaseSwitchMs(paces.default)).toBeLessThanOrEqual(28_000);
  expect(worstCaseSwitchMs(paces.fast)).toBe(1_000 + 3 * 800 + 2 * 250 + 500 + 800 + 2_000);
  expect(worstCaseSwitchMs(paces.fast)).toBeLessThan(8_000);
});

it.each(presets)('docs/detection.md has the figures of %s', (preset) => {
  const text = readFileSync(new URL('../../../../docs/detection.md', import.meta.url), 'utf8');
  const pace = paces[preset];
  const { activeIntervalMs, intervalMs, timeoutMs, reprobeMs, holdMs, confirmTimeoutMs, fabricMs } = pace;
  const row = [
    activeIntervalMs,
    intervalMs,
    timeoutMs,
    reprobeMs,
    holdMs,
    confirmTimeoutMs,
    fabricMs,
    freshForMs(pace, activeIntervalMs),
    worstCaseSwitchMs(pace),
  ];
  expect(text).toContain(`| \`${preset}\` | ${row.map((ms) => `${ms / 1_000} s`).join(' | ')} |`);
});

it.each(presets)(
  'with %s, what is silent is no longer counted before the others can have decided',
  (preset) => {
    const pace = paces[preset];
    const deciding = pace.failures * pace.timeoutMs + (pace.failures - 1) * pace.reprobeMs;
    expect(freshForMs(pace, pace.activeIntervalMs)).toBeLessThanOrEqual(pace.activeIntervalMs + deciding);
  },
);
