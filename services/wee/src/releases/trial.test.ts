import { taskError } from '@tenma/protocol';
import { expect, test } from 'vitest';
import type { Outcome } from '../processes/interfaces.ts';
import { type Comparison, compareShadow } from './shadow.ts';
import type { Ending } from './side.ts';
import { type Counter, createTally } from './tally.ts';
import { createTrial, type Trial } from './trial.ts';

const times = (count: number, comparison: Comparison) => Array<Comparison>(count).fill(comparison);

/** A trial beside a stable version that has ended 30 attempts so before. */
function began(shadows: boolean, before: 'succeeded' | 'failed' = 'succeeded'): readonly [Trial, Counter] {
  const tally = createTally();
  for (let n = 0; n < 30; n++) {
    if (before === 'failed') tally.failed();
    else tally.succeeded(1);
  }
  const stable = { version: '1.0.0', tally };
  const trial = createTrial({ random: () => 0.5, version: '1.1.0', since: 'today', shadows, stable });
  trial.begin(0);
  return [trial, tally];
}

/** A trial that has been compared so, one task after the other. */
function compared(...comparisons: readonly Comparison[]): Trial {
  const stable = { version: '1.0.0', tally: createTally() };
  const trial = createTrial({ random: () => 0.5, version: '1.1.0', since: 'today', shadows: true, stable });
  trial.begin(0);
  for (const comparison of comparisons) {
    trial.drawShadow();
    trial.shadowEnded(comparison);
    trial.judge(1);
  }
  return trial;
}

test('only equal results give a candidate its share', () => {
  expect(compared(...times(19, 'refused'), ...times(19, 'equal')).draw(1)).toBe(false);
  expect(compared(...times(19, 'incomparable'), ...times(20, 'equal')).draw(1)).toBe(true);
});

test('twenty tasks in a row without a comparison are unhealthy, with what it refused of them', () => {
  const most = [
    ...times(19, 'refused'),
    'equal',
    ...times(12, 'refused'),
    ...times(7, 'incomparable'),
  ] as const;
  expect(compared(...most).verdict).toBe('trying');
  expect(compared(...most, 'incomparable')).toMatchObject({
    verdict: 'unhealthy',
    reason: 'none of the last 20 tasks could be compared with 1.0.0; it refused 12',
  });
});

test('what was cancelled says nothing of the candidate', () => {
  const trial = compared(...times(60, 'void'));
  expect([trial.verdict, trial.draw(1)]).toEqual(['trying', false]);
  expect(compared(...times(10, 'refused'), ...times(60, 'void'), ...times(10, 'refused')).verdict).toBe(
    'unhealthy',
  );
});

/** Tasks end so on the stable version, and their copies say nothing. */
function endsOnStable(trial: Trial, tally: Counter, ending: 'succeeded' | 'failed' | 'cancelled', count = 1) {
  for (let n = 0; n < count; n++) {
    trial.drawShadow();
    if (ending === 'succeeded') tally.succeeded(1);
    else if (ending === 'failed') tally.failed();
    trial.shadowEnded('void');
    trial.judge(1);
  }
}

test('where the stable version only fails there is nothing to lose: the candidate takes attempts', () => {
  const [trial, tally] = began(true, 'failed');
  endsOnStable(trial, tally, 'failed', 19);
  endsOnStable(trial, tally, 'cancelled', 60);
  expect(trial.draw(1)).toBe(false);
  endsOnStable(trial, tally, 'failed');
  expect(trial.draw(1)).toBe(true);
  for (let n = 0; n < 40; n++) {
    trial.watch(true, n, false)('succeeded', 1, n);
    tally.failed();
    trial.watch(false, n, false)('failed', 1, n);
  }
  trial.judge(10_000);
  expect(trial.verdict).toBe('healthy');
});

test('until that succeeds again', () => {
  const [trial, tally] = began(true, 'failed');
  endsOnStable(trial, tally, 'failed', 20);
  endsOnStable(trial, tally, 'succeeded');
  endsOnStable(trial, tally, 'failed', 19);
  expect(trial.draw(1)).toBe(false);
});

/** Both sides get an attempt each by turns, and the stable version runs what the candidate refuses. */
function offered(trial: Trial, tally: Counter, ending: Ending, count: number, stable: Ending = 'succeeded') {
  for (let n = 0; n < count; n++) {
    trial.watch(true, 1, false)(ending, 1, 2);
    trial.watch(false, 1, false)(stable, 1, 2);
    if (stable === 'succeeded') tally.succeeded(1);
    trial.judge(2);
  }
}

test('that it refuses some inputs, or copies, among those that it takes is no fault', () => {
  const trial = compared(...times(20, 'equal'), ...times(60, 'refused'));
  const [other, tally] = began(false);
  for (let n = 0; n < 5; n++) {
    offered(other, tally, 'refused', 19);
    offered(other, tally, 'succeeded', 1);
  }
  expect([trial.verdict, trial.draw(1), other.verdict]).toEqual(['trying', true, 'trying']);
});

test('twenty in a row that the stable version takes are, with or without copies before', () => {
  for (const shadows of [true, false]) {
    const [trial, tally] = began(shadows);
    for (const comparison of times(shadows ? 20 : 0, 'equal')) {
      trial.drawShadow();
      trial.shadowEnded(comparison);
    }
    offered(trial, tally, 'refused', 19);
    offered(trial, tally, 'other', 5);
    expect(trial.verdict).toBe('trying');
    offered(trial, tally, 'refused', 1);
    const reason = /^it refused all of its last 20 inputs; 1.0.0 took (\d+) of \1$/;
    expect(trial).toMatchObject({ verdict: 'unhealthy', reason });
  }
});

test('what the stable version refuses too is no fault of the candidate', () => {
  const [trial, tally] = began(false);
  offered(trial, tally, 'refused', 60, 'refused');
  expect(trial.verdict).toBe('trying');
});

const succeeded: Outcome = { outcome: 'succeeded', output: 1 };
const refused: Outcome = { outcome: 'failed', error: taskError('invalid_input', ''), refused: true };
const failed: Outcome = { outcome: 'failed', error: taskError('worker_error', '') };

test.each([
  ['equal', succeeded, succeeded],
  ['different', succeeded, { outcome: 'succeeded', output: 2 }],
  ['failed', succeeded, failed],
  ['refused', succeeded, refused],
  ['void', succeeded, { outcome: 'cancelled' }],
  ['void', failed, refused],
] as const)('a task is %s when it ends so: %j, %j', async (comparison, before, after) => {
  const shadow = { ended: Promise.resolve({ outcome: after, ms: 1 }), cancel: () => undefined };
  expect(await compareShadow(Promise.resolve(before), shadow, async (a, b) => a === b)).toBe(comparison);
});

test('a task whose outputs nobody could compare did not come out otherwise', async () => {
  const output = { outcome: 'succeeded', output: 1 } as const;
  const shadow = { ended: Promise.resolve({ outcome: output, ms: 1 }), cancel: () => undefined };
  expect(await compareShadow(Promise.resolve(output), shadow, async () => null)).toBe('incomparable');
});

test('what waits for a process, or for what the first attempts set up, is not slow', () => {
  const tally = createTally();
  const stable = { version: '1.0.0', tally };
  const trial = createTrial({ random: () => 0.5, version: '1.1.0', since: 'now', shadows: false, stable });
  trial.begin(0);
  const first = Array.from({ length: 30 }, () => trial.watch(true, 0, false));
  for (const end of first) end('succeeded', 3_000, 3_000);
  for (let now = 3_000; now <= 10_000; now += 50) {
    tally.succeeded(10);
    for (const onTrial of [true, false]) trial.watch(onTrial, now, false)('succeeded', 10, now + 10);
    // No process stood ready for this one.
    trial.watch(true, now, true)('succeeded', 900, now + 900);
    trial.judge(now);
  }
  expect(trial).toMatchObject({ verdict: 'healthy' });
});

test('nor does it hang', () => {
  const [trial] = began(false);
  for (let n = 0; n < 60; n++) {
    for (const onTrial of [true, false]) trial.watch(onTrial, n, false)('succeeded', 10, n + 10);
  }
  const cold = Array.from({ length: 30 }, () => trial.watch(true, 100, true));
  for (const end of cold) end('succeeded', 20_000, 20_100);
  trial.judge(20_100);
  expect(trial.verdict).toBe('healthy');
  const warm = Array.from({ length: 30 }, () => trial.watch(true, 30_000, false));
  for (const end of warm) end('succeeded', 20_000, 50_000);
  trial.judge(50_000);
  expect(trial).toMatchObject({ verdict: 'unhealthy', reason: /^30 of \d+ attempts took more than/ });
});
