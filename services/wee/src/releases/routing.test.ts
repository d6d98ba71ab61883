import { taskError } from '@tenma/protocol';
import { until } from '@tenma/test-support';
import { describe, expect, test } from 'vitest';
import { type Behaviour, request } from './groups.fixture.ts';
import type { VersionedOutcome } from './interfaces.ts';
import { by, fail, gate, next, numbers, old, plan, refuse, stage } from './version-set.fixture.ts';

const never = new AbortController().signal;

describe('an input that a version refuses', () => {
  test('by the candidate runs on the stable version in the same attempt, and counts for nobody', async () => {
    await using it = await stage(plan(old, next, 1), { [next]: refuse });
    const outcomes = await it.run(...numbers(15));
    expect(outcomes.map(({ version }) => version)).toEqual(Array(15).fill(old));
    expect(outcomes.every(({ outcome }) => outcome.outcome === 'succeeded')).toBe(true);
    await it.clock.advance(10_000);
    expect(it.set.report(next)).toMatchObject({ runs: 0, failures: 0, verdict: 'trying' });
  });

  test('by the stable version runs on the candidate', async () => {
    await using it = await stage(plan(old, next, 0), { [old]: refuse });
    expect(await it.run(7)).toEqual([{ version: next, outcome: { outcome: 'succeeded', output: 7 } }]);
  });

  test('by both fails in the words of the stable one', async () => {
    await using it = await stage(plan(old, next, 0.5), { [old]: refuse, [next]: refuse });
    const error = { ...taskError('invalid_input', 'not my schema'), retryable: false };
    const refused = { version: old, outcome: { outcome: 'failed', error, refused: true } };
    expect(await it.run(1, 2)).toEqual([refused, refused]);
  });
});

describe('a candidate is compared with what it might have got itself', () => {
  const hard: Behaviour = (input) => (input === 'hard' ? fail() : input);

  test('not with later attempts, last ones and those outside its range, which are another kind', async () => {
    await using it = await stage(plan(old, next, 0.5), { [old]: hard, [next]: hard });
    for (const n of numbers(60)) {
      await it.run(n);
      const second = request('hard');
      await it.set.start({ ...second, run: { ...second.run, attempt: 2 } }).ended;
      await it.set.start(request('hard', { maxAttempts: 1 })).ended;
      await it.set.start(request('hard', { range: '~1.0' })).ended;
    }
    expect(it.set.report(old)).toMatchObject({ runs: 210, failures: 180 });
    await it.clock.advance(10_000);
    expect(it.set.report(next).reason).toMatch(/0 of 30 attempts failed; of 1.0.0 0 of 30$/);
  });

  test('so one that fails where the stable version does not is found out beside tasks that always fail', async () => {
    const worse: Behaviour = (input) => (Number(input) % 3 === 0 ? fail() : hard(input, never));
    await using it = await stage(plan(old, next, 0.5), { [old]: hard, [next]: worse });
    for (const n of numbers(200)) {
      await it.run(n);
      await it.set.start(request('hard', { maxAttempts: 1 })).ended;
    }
    expect(it.set.report(next)).toMatchObject({ verdict: 'unhealthy', reason: /of 1.0.0 0 of/ });
  });
});

describe('a type that only observes', () => {
  const types = { shadow: true };

  test('is compared on twenty tasks before the candidate takes one, and the stable outcome counts', async () => {
    await using it = await stage(plan(old, next, 1, types));
    const outcomes: VersionedOutcome[] = [];
    for (const n of numbers(20)) {
      outcomes.push(...(await it.run(n)));
      await until(() => it.set.report(next).shadows === n + 1, { everyMs: 1 });
    }
    expect(by(outcomes, old)).toBe(20);
    expect(by(await it.run(...numbers(20)), next)).toBe(20);
    await it.clock.advance(10_000);
    expect(it.set.report(next)).toMatchObject({ verdict: 'healthy', shadows: 20, differences: 0, runs: 20 });
  });

  test('whose candidate comes out otherwise never gets a real attempt', async () => {
    await using it = await stage(plan(old, next, 1, types), { [next]: (input) => [input] });
    const outcomes = await it.run(...numbers(100));
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(
      numbers(100).map((output) => ({ outcome: 'succeeded', output })),
    );
    expect(it.set.report(next)).toMatchObject({
      runs: 0,
      verdict: 'unhealthy',
      reason: /came out otherwise/,
    });
  });

  test('whose candidate fails where the stable version does not differs too', async () => {
    await using it = await stage(plan(old, next, 1, types), { [next]: fail });
    await it.run(...numbers(20));
    expect(it.set.report(next)).toMatchObject({ runs: 0, failures: 0, verdict: 'unhealthy' });
  });

  test('whose candidate refuses all is never trusted, but found out, and harms no task', async () => {
    await using it = await stage(plan(old, next, 1, types), { [next]: refuse });
    const outcomes = await it.run(...numbers(100));
    expect(by(outcomes, old)).toBe(100);
    expect(it.set.report(next)).toMatchObject({
      runs: 0,
      shadows: 0,
      verdict: 'unhealthy',
      reason: 'none of the last 20 tasks could be compared with 1.0.0; it refused 20',
    });
  });

  test('runs at most four shadows at once, and cancels that of a task that is cancelled', async () => {
    const [slow, shadows] = [gate(), gate()];
    await using it = await stage(plan(old, next, 1, types), {
      [old]: slow.behaviour,
      [next]: shadows.behaviour,
    });
    const started = numbers(10).map((n) => it.set.start(request(n)));
    expect(it.set.report(next).running).toBe(4);
    for (const attempt of started) attempt.cancel();
    const ends = await Promise.all(started.map(({ ended }) => ended));
    expect(ends.every(({ outcome }) => outcome.outcome === 'cancelled')).toBe(true);
    await until(() => it.set.report(next).running === 0, { everyMs: 1 });
    expect(it.set.report(next)).toMatchObject({ shadows: 0, runs: 0 });
  });

  test('is still compared now and then while the candidate has its share', async () => {
    await using it = await stage(plan(old, next, 0.1, types));
    for (const n of numbers(20)) {
      await it.run(n);
      await until(() => it.set.report(next).shadows === n + 1, { everyMs: 1 });
    }
    await it.run(...numbers(100));
    await until(() => it.set.report(next).shadows >= 28, { everyMs: 1 });
    expect(it.set.report(next).shadows).toBeLessThanOrEqual(31);
  });
});
