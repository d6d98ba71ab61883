import { describe, expect, test } from 'vitest';
import { type Conduct, type Setting, simulateTrial } from './trial.fixture.ts';

const conduct = (failureRate: number, changes: Partial<Conduct> = {}): Conduct => ({
  failureRate,
  medianMs: 100,
  spread: 0.5,
  ...changes,
});

/** How many of the trials ended so. */
function count(
  trials: number,
  setting: Partial<Setting>,
  verdict: string,
  within = Number.POSITIVE_INFINITY,
) {
  const stable = conduct(0);
  const usual = { perSecond: 30, share: 0.2, stable, candidate: stable, history: 100, patienceMs: 60_000 };
  let found = 0;
  for (let seed = 1; seed <= trials; seed++) {
    const ended = simulateTrial({ ...usual, ...setting }, seed * 7_919);
    if (ended.verdict === verdict && ended.tally.runs <= within) found += 1;
  }
  return found;
}

describe('a candidate that is as good as the stable version is condemned in less than one trial of a hundred', () => {
  test.each([
    ['that never fails', 0, 0.5],
    ['of which one in a hundred fails', 0.01, 0.5],
    ['of which one in twenty fails', 0.05, 0.5],
    ['of which one in five fails', 0.2, 0.5],
    ['whose times are of all sizes', 0, 1.5],
  ])('%s', (_, failureRate, spread) => {
    const stable = conduct(failureRate, { spread });
    expect(count(100, { stable, candidate: stable }, 'unhealthy')).toBeLessThanOrEqual(1);
  });
});

describe('a bad candidate is not promoted', () => {
  test('that fails twenty points more often than one that never does: it is found in fifty attempts', () => {
    expect(count(100, { candidate: conduct(0.2) }, 'unhealthy', 50)).toBeGreaterThanOrEqual(99);
  });

  test.each([
    ['that fails twenty points more often than a bad one', conduct(0.2), conduct(0.4)],
    ['that takes three times as long', conduct(0), conduct(0, { medianMs: 300 })],
    [
      'that takes five times as long, with times of all sizes',
      conduct(0, { spread: 1.5 }),
      conduct(0, { spread: 1.5, medianMs: 500 }),
    ],
    ['of which one in five hangs', conduct(0), conduct(0, { hangs: 0.2 })],
  ])('%s', (_, stable, candidate) => {
    expect(count(50, { stable, candidate }, 'healthy')).toBeLessThanOrEqual(1);
  });
});
