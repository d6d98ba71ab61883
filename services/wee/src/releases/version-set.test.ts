import { describe, expect, test } from 'vitest';
import { type Behaviour, request, workerVersion } from './groups.fixture.ts';
import { by, fail, gate, next, numbers, old, plan, stage } from './version-set.fixture.ts';
import type { VersionPlan } from './version-set.ts';

describe('an update', () => {
  test('of 1,000 attempts the candidate gets its share to within one, and after its promotion all; none is lost', async () => {
    await using it = await stage(plan(old, next, 0.1));
    const trial = await it.run(...numbers(500));
    expect(Math.abs(by(trial, next) - 50)).toBeLessThanOrEqual(1);
    await it.clock.advance(10_000);
    expect(it.set.report(next)).toMatchObject({ role: 'candidate', verdict: 'healthy' });

    it.set.follow(plan(next, null));
    const after = await it.run(...numbers(500));
    expect(by(after, next)).toBe(500);
    expect([...trial, ...after].map(({ outcome }) => outcome)).toEqual(
      [...numbers(500), ...numbers(500)].map((output) => ({ outcome: 'succeeded', output })),
    );
    await it.clock.advance(1_000);
    expect(it.groups.of.get(old)).toMatchObject({ disposed: true, cutOff: 0 });
    expect(it.set.report(next)).toMatchObject({ role: 'stable', verdict: null, runs: 550, failures: 0 });
  });

  test.each([0, 0.25, 1 / 3, 1])('a share of %d is exact', async (share) => {
    await using it = await stage(plan(old, next, share));
    expect(Math.abs(by(await it.run(...numbers(200)), next) - 200 * share)).toBeLessThanOrEqual(1);
  });

  test('the candidate gets no last attempt, no second one and none outside the range of its task', async () => {
    await using it = await stage(plan(old, next, 1));
    const second = request(1);
    const outcomes = await Promise.all([
      it.set.start(request(1, { maxAttempts: 1 })).ended,
      it.set.start({ ...second, run: { ...second.run, attempt: 2 } }).ended,
      it.set.start(request(1, { range: '~1.0' })).ended,
      it.set.start(request(1, { range: '1.1.x', maxAttempts: 1 })).ended,
      it.set.start(request(1, { range: '^1.2' })).ended,
    ]);
    expect(outcomes.map(({ version }) => version)).toEqual([old, old, old, next, old]);
    expect(outcomes[4]?.outcome).toMatchObject({ error: { code: 'no_eligible_worker', retryable: true } });
    expect(it.groups.of.get(old)?.taken).toBe(3);
  });

  test('nothing goes to a version before it is ready, and the new stable one takes over when it is', async () => {
    await using it = await stage(plan(old, null), {}, [next]);
    it.set.follow(plan(old, next, 1));
    expect(by(await it.run(...numbers(10)), old)).toBe(10);
    it.set.follow(plan(next, null));
    expect(by(await it.run(...numbers(10)), old)).toBe(10);
    expect(it.set.stable?.type.version).toBe(old);
    it.groups.of.get(next)?.open();
    await it.clock.advance(0);
    expect(by(await it.run(...numbers(10)), next)).toBe(10);
  });

  test('what runs in the old version ends there before its group goes', async () => {
    const slow = gate();
    await using it = await stage(plan(old, null), { [old]: slow.behaviour });
    const running = it.set.start(request('long')).ended;
    it.set.follow(plan(next, null));
    await it.clock.advance(0);
    await it.clock.advance(60_000);
    expect(it.set.report(old)).toMatchObject({ role: 'draining', running: 1 });
    expect(it.groups.of.get(old)?.disposed).toBe(false);
    slow.open();
    expect(await running).toEqual({ version: old, outcome: { outcome: 'succeeded', output: 'long' } });
    await it.clock.advance(1_000);
    expect(it.groups.of.get(old)).toMatchObject({ disposed: true, cutOff: 0 });
    expect(it.set.report(old).role).toBeNull();
  });

  test('the old version comes back at once while it still drains', async () => {
    await using it = await stage(plan(old, null));
    it.set.follow(plan(next, null));
    await it.clock.advance(500);
    const before = it.groups.of.get(old);
    it.set.follow(plan(old, null));
    expect(by(await it.run(1), old)).toBe(1);
    await it.clock.advance(5_000);
    expect(it.groups.of.get(old)).toBe(before);
    expect(before?.disposed).toBe(false);
  });
});

describe('a bad candidate', () => {
  test('stops by itself within few attempts, and its failures can be tried again', async () => {
    await using it = await stage(plan(old, next, 0.1), { [next]: fail });
    const outcomes = await it.run(...numbers(1_000));
    const failures = outcomes.filter(({ outcome }) => outcome.outcome === 'failed');
    expect(failures).toHaveLength(3);
    for (const { version, outcome } of failures) {
      expect(version).toBe(next);
      expect(outcome).toMatchObject({ error: { code: 'worker_error', message: 'broken', retryable: true } });
    }
    expect(it.set.report(next)).toMatchObject({
      role: 'candidate',
      verdict: 'unhealthy',
      reason: '3 of 3 attempts failed; of 1.0.0 0 of 23',
    });
    await it.clock.advance(1_000);
    expect(it.groups.of.get(next)).toMatchObject({ disposed: true, cutOff: 0 });
    it.set.follow(plan(old, next, 0.1));
    expect(it.groups.of.get(next)?.disposed).toBe(true);
  });

  test('is not judged by a stable version that fails as often, nor are its errors made retryable for the stable one', async () => {
    await using it = await stage(plan(old, next, 0.5), { [old]: fail, [next]: fail });
    const outcomes = await it.run(...numbers(100));
    expect(by(outcomes, next)).toBe(50);
    expect(outcomes.find(({ version }) => version === old)?.outcome).toMatchObject({
      error: { retryable: false },
    });
    expect(it.set.report(next).verdict).toBe('trying');
  });

  test('lets end what runs on it', async () => {
    const slow = gate();
    const mixed: Behaviour = (input, signal) => (input === 'slow' ? slow.behaviour(input, signal) : fail());
    await using it = await stage(plan(old, next, 1), { [next]: mixed });
    const running = it.set.start(request('slow')).ended;
    await it.run(1, 2, 3, ...numbers(20));
    await it.clock.advance(60_000);
    expect(it.set.report(next)).toMatchObject({ verdict: 'unhealthy', running: 1 });
    slow.open();
    expect((await running).outcome).toEqual({ outcome: 'succeeded', output: 'slow' });
  });

  test('that does not start is unhealthy with the reason', async () => {
    await using it = await stage(plan(old, next, 1), {}, [next]);
    it.groups.of.get(next)?.open(new Error('no such module'));
    await it.clock.advance(0);
    expect(it.set.report(next)).toMatchObject({
      verdict: 'unhealthy',
      reason: 'it does not start: no such module',
    });
    expect(by(await it.run(...numbers(10)), old)).toBe(10);
  });

  test('that is not ready within a minute is unhealthy', async () => {
    await using it = await stage(plan(old, next, 1), {}, [next]);
    await it.clock.advance(60_000);
    expect(it.set.report(next)).toMatchObject({ verdict: 'unhealthy', reason: /60 s/ });
  });

  test('can be tried again, and is judged anew', async () => {
    let broken = true;
    await using it = await stage(plan(old, next, 1), { [next]: (input) => (broken ? fail() : input) });
    await it.run(...numbers(20));
    expect(it.set.report(next).verdict).toBe('unhealthy');
    broken = false;
    it.set.follow({ ...plan(old, next, 1), since: 'tomorrow' });
    await it.clock.advance(0);
    expect(by(await it.run(...numbers(40)), next)).toBe(40);
    await it.clock.advance(10_000);
    expect(it.set.report(next)).toMatchObject({ verdict: 'healthy', runs: 40, failures: 0 });
  });
});

describe('the first version of a pool', () => {
  test('counts as ready before a process runs: its package has been inspected', async () => {
    await using it = await stage(plan(old, null), {}, [old]);
    await it.set.opened;
    expect(it.set.stable?.type.version).toBe(old);
  });
});

describe('a version that ran before LE had spoken', () => {
  const guess: VersionPlan = { ...plan(next, null), since: '' };

  test('is let go of at once where nothing was given to it: LE may have rejected it', async () => {
    await using it = await stage(guess, {}, [old]);
    it.set.follow(plan(old, null));
    expect(it.set.stable?.type.version).toBe(old);
    it.groups.of.get(old)?.open();
    expect(by(await it.run(...numbers(10)), old)).toBe(10);
    expect(it.groups.of.get(next)?.taken).toBe(0);
  });

  test('leaves none until the right one is ready, where a process is to stand ready', async () => {
    await using it = await stage(guess, {}, [old], 1);
    expect(it.set.stable?.type.version).toBe(next);
    it.set.follow(plan(old, null));
    expect(it.set.stable).toBeNull();
    it.groups.of.get(old)?.open();
    await it.clock.advance(0);
    expect(it.set.stable?.type.version).toBe(old);
  });

  test('goes on until the right one is ready, once it has been used', async () => {
    await using it = await stage(guess, {}, [old], 1);
    await it.run(1);
    it.set.follow(plan(old, null));
    expect(by(await it.run(1), next)).toBe(1);
  });

  test('is started before it gets its share, where LE says that it is the candidate', async () => {
    await using it = await stage(guess, {}, [next]);
    it.set.follow(plan(old, next, 1));
    expect(by(await it.run(...numbers(10)), old)).toBe(10);
    it.groups.of.get(next)?.open();
    await it.clock.advance(0);
    expect(by(await it.run(...numbers(10)), next)).toBe(10);
  });
});

test('the same version from another place takes over when it is ready', async () => {
  await using it = await stage(plan(old, null));
  await it.run(1);
  const before = it.groups.of.get(old);
  it.set.follow({ ...plan(old, null), stable: { ...workerVersion(old), specifier: 'elsewhere' } });
  await it.clock.advance(0);
  await it.run(2, 3);
  expect(it.groups.of.get(old)).toMatchObject({ worker: { specifier: 'elsewhere' }, taken: 2 });
  await it.clock.advance(1_000);
  expect(before).toMatchObject({ taken: 1, disposed: true });
});

describe('a stable version that does not start', () => {
  test('is known by an attempt that found no process, and heals when there is one', async () => {
    await using it = await stage(plan(old, null));
    it.groups.of.get(old)?.lose('no memory');
    expect(await it.run(1)).toMatchObject([{ outcome: { error: { code: 'worker_crashed' } } }]);
    await it.clock.advance(0);
    expect(it.set).toMatchObject({ faulty: true, stable: { type: { version: old } } });
    it.groups.of.get(old)?.open();
    await it.clock.advance(2_000);
    expect(it.set.faulty).toBe(false);
    expect(await it.run(1)).toMatchObject([{ outcome: { outcome: 'succeeded' } }]);
  });

  test('is tried again until it does, where a process is to stand ready', async () => {
    await using it = await stage(plan(old, null), {}, [old], 1);
    it.groups.of.get(old)?.open(new Error('no memory'));
    await it.set.opened;
    expect(it.set.stable).toBeNull();
    it.groups.of.get(old)?.open();
    await it.clock.advance(2_000);
    expect(it.set.stable?.type.version).toBe(old);
  });
});

describe('the rest of a pool', () => {
  test('cancelling reaches whichever version runs the attempt', async () => {
    const [slow, slower] = [gate(), gate()];
    await using it = await stage(plan(old, next, 0.5), { [old]: slow.behaviour, [next]: slower.behaviour });
    const attempts = [it.set.start(request(1)), it.set.start(request(2))];
    expect([slow.held(), slower.held()]).toEqual([1, 1]);
    for (const attempt of attempts) attempt.cancel();
    const ends = await Promise.all(attempts.map(({ ended }) => ended));
    expect(ends.map(({ outcome }) => outcome)).toEqual([{ outcome: 'cancelled' }, { outcome: 'cancelled' }]);
    expect(it.set.report(old)).toMatchObject({ runs: 0, running: 0 });
  });

  test('slots follow from the type, the processes and what the worker says of the input', async () => {
    await using light = await stage(plan(old, null));
    expect([light.set.slots, light.set.slotsOf(1)]).toEqual([200, 1]);
    await using bounded = await stage(plan(old, null, 0, { slots: 30, cost: 7 }));
    expect([bounded.set.slots, bounded.set.slotsOf(1)]).toEqual([30, 7]);
    await using asked = await stage(plan(old, null, 0, { cost: 'by_input' }));
    expect(await asked.set.slotsOf(42)).toBe(42);
  });

  test('retired, it runs what it is still given, and ends when nothing comes any more', async () => {
    await using it = await stage(plan(old, null));
    it.set.retire();
    await it.clock.advance(900);
    expect(by(await it.run(1), old)).toBe(1);
    await it.clock.advance(900);
    expect(it.set.versions).toHaveLength(1);
    await it.clock.advance(100);
    expect(it.set.versions).toHaveLength(0);
    expect(await it.run(1)).toMatchObject([{ outcome: { error: { code: 'no_eligible_worker' } } }]);
  });
});
