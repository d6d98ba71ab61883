import { until } from '@tenma/test-support';
import { describe, expect, test } from 'vitest';
import { by, fail, next, numbers, old, plan, refuse, stage } from './version-set.fixture.ts';

describe('a trial does not go on for ever', () => {
  test('where the candidate refuses every input', async () => {
    await using it = await stage(plan(old, next, 0.1), { [next]: refuse });
    const outcomes = await it.run(...numbers(300));
    expect(by(outcomes, old)).toBe(300);
    expect(it.set.report(next)).toMatchObject({ runs: 0, failures: 0, verdict: 'unhealthy' });
    expect(it.set.report(next).reason).toMatch(/^it refused all of its last 20 inputs; 1.0.0 took/);
  });

  test('where the stable version of a type that only observes always fails', async () => {
    await using it = await stage(plan(old, next, 0.5, { shadow: true }), { [old]: fail });
    for (const n of numbers(120)) {
      await it.run(n);
      // Only four copies run at once.
      await until(() => it.set.report(next).running === 0, { everyMs: 1 });
    }
    await it.clock.advance(10_000);
    expect(it.set.report(next)).toMatchObject({ verdict: 'healthy', runs: 50, failures: 0 });
  });
});
