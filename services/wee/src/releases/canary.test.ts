import { describe, expect, test } from 'vitest';
import { type Evidence, judgeCanary, type Lateness, type Refusals, type Shadows } from './canary.ts';
import type { Sample } from './side.ts';
import { createTally } from './tally.ts';
import { createTiming } from './timing.ts';

/** `ms`: of each that succeeded, by turns half and one and a half times that. */
function sample(runs: number, failures: number, ms = 100): Sample {
  const timing = createTiming();
  for (let n = failures; n < runs; n++) timing.add(n % 2 === 0 ? ms / 2 : ms * 1.5);
  return { runs, failures, timing };
}

const stable = (runs: number, failures: number) => ({ version: '1.0.0', ...sample(runs, failures) });
const good = stable(360, 0);
const noShadows: Shadows = { compared: 0, different: 0, failed: 0, stable: good };

const noRefusals: Refusals = {
  candidate: { hits: 0, of: 40 },
  stable: { version: '1.0.0', hits: 0, of: 360 },
  inARow: 0,
};

function judged(candidate: Sample, changes: Partial<Evidence> = {}) {
  const nothing = { lateness: null, halfway: null, refusals: noRefusals, shadows: noShadows };
  const usual = { ...nothing, stable: good, sinceMs: 10_000 };
  return judgeCanary({ ...usual, candidate, ...changes });
}

describe('what is thought of a candidate', () => {
  test('the reason is in plain words with the figures', () => {
    expect(judged(sample(40, 12))).toEqual({
      verdict: 'unhealthy',
      reason: '12 of 40 attempts failed; of 1.0.0 0 of 360',
    });
  });

  test.each([
    ['two failures are chance', sample(2, 2), stable(90_000, 0), 'trying'],
    ['three of three are not', sample(3, 3), good, 'unhealthy'],
    ['nor are they beside a few that were all good', sample(3, 3), stable(23, 0), 'unhealthy'],
    ['they are where one in five fails', sample(3, 3), stable(100, 20), 'trying'],
    ['three of fifty-nine are chance', sample(59, 3), good, 'trying'],
    ['and five of a hundred are borne', sample(100, 5), good, 'healthy'],
    ['five points more, as they are seen, are borne', sample(10_000, 500), stable(90_000, 0), 'healthy'],
    ['a little above them not', sample(10_000, 520), stable(90_000, 0), 'unhealthy'],
    ['twenty points more, of a bad one', sample(200, 80), stable(1_800, 360), 'unhealthy'],
    ['in a few they are neither chance nor sure', sample(40, 13), stable(360, 72), 'trying'],
    ['thirty-five without a failure are too few', sample(35, 0), good, 'trying'],
    ['forty are enough', sample(40, 0), good, 'healthy'],
    ['of a bad one it takes more', sample(60, 12), stable(540, 108), 'healthy'],
    ['what always fails may fail', sample(50, 50), stable(450, 450), 'healthy'],
    ['twice as slow and 50 ms is borne', sample(60, 0, 200), good, 'healthy'],
    ['slower than that not', sample(60, 0, 300), good, 'unhealthy'],
    ['before twenty successes slowness is chance', sample(19, 0, 999), good, 'trying'],
    ['alone, half may fail', sample(20, 10), null, 'healthy'],
    ['alone, more than half not', sample(10, 6), null, 'unhealthy'],
    ['alone, of few all may', sample(9, 9), null, 'trying'],
    ['nineteen ends are too few', sample(19, 0), null, 'trying'],
  ] as const)('%s', (_, candidate, against, verdict) => {
    expect(judged(candidate, { stable: against }).verdict).toBe(verdict);
  });

  test('ten seconds are the least', () => {
    expect(judged(sample(500, 0), { sinceMs: 9_999 }).verdict).toBe('trying');
    expect(judged(sample(500, 0), { sinceMs: 10_000 }).verdict).toBe('healthy');
  });

  test('one that takes very long now and then is as slow as it usually is', () => {
    const timing = createTiming();
    for (let n = 0; n < 60; n++) timing.add(n % 20 === 0 ? 10_000 : 100);
    expect(judged({ runs: 60, failures: 0, timing }).verdict).toBe('healthy');
  });

  test('nor is it slow where times differ so much that chance may have made it', () => {
    const times = (runs: number, long: number) => {
      const timing = createTiming();
      for (let n = 0; n < runs; n++) timing.add(n < long ? 4_000 : 10);
      return { runs, failures: 0, timing };
    };
    const against = { version: '1.0.0', ...times(360, 180) };
    expect(judged(times(20, 14), { stable: against }).verdict).toBe('trying');
    expect(judged(times(80, 64), { stable: against }).verdict).toBe('unhealthy');
  });
});

describe('what has not ended', () => {
  const started = { slowestMs: 400, limitMs: 10_800, started: 50, stableStarted: 450 };
  test.each([
    [2, 'healthy'],
    [3, 'trying'],
    [4, 'unhealthy'],
  ])('%i of fifty that take longer than any of the stable version by far: %s', (late, verdict) => {
    const lateness: Lateness = { ...started, late };
    expect(judged(sample(46, 0), { lateness }).verdict).toBe(verdict);
  });

  test('the reason names the limit', () => {
    expect(judged(sample(46, 0), { lateness: { ...started, late: 5 } }).reason).toBe(
      '5 of 50 attempts took more than 10800 ms, or do; none of 1.0.0 more than 400',
    );
  });

  test.each([
    [5, 'trying'],
    [1, 'healthy'],
  ])('%i of thirty that ran at half-time and still do: %s', (open, verdict) => {
    const halfway = { candidate: { started: 30, open }, stable: { started: 270, open: 2 } };
    expect(judged(sample(45, 0), { halfway }).verdict).toBe(verdict);
  });
});

describe('inputs that it refuses', () => {
  test.each([
    ['twenty in a row that the stable version takes', 20, [20, 20], [0, 20], 'unhealthy'],
    ['nineteen are too few', 19, [19, 19], [0, 180], 'trying'],
    ['nor are twenty that nobody takes', 20, [20, 20], [180, 180], 'trying'],
    ['nor twenty of which the stable version takes hardly any either', 20, [20, 20], [162, 180], 'trying'],
    ['after some that it took', 20, [20, 30], [0, 270], 'unhealthy'],
  ] as const)('%s', (_, inARow, [refused, of], [hits, ofStable], verdict) => {
    const refusals = {
      candidate: { hits: refused, of },
      stable: { version: '1.0.0', hits, of: ofStable },
      inARow,
    };
    expect(judged(sample(of - refused, 0), { refusals }).verdict).toBe(verdict);
  });
});

describe('results that are compared', () => {
  const shadowed = (compared: number, different: number, failed = 0, failures = 0) =>
    judged(sample(0, 0), {
      shadows: { compared, different, failed, stable: stable(compared, failures) },
    }).verdict;

  test.each([
    ['one difference is chance', 21, 1, 'trying'],
    ['two of two are not', 2, 2, 'unhealthy'],
    ['two of forty are borne', 40, 2, 'healthy'],
    ['two of thirty-nine are neither', 39, 2, 'trying'],
    ['one in ten is found', 50, 5, 'unhealthy'],
  ] as const)('%s', (_, compared, different, verdict) => {
    expect(shadowed(compared, different)).toBe(verdict);
  });

  test('that it alone failed to give count against it where the stable version fails less', () => {
    expect(shadowed(40, 0, 8, 8)).not.toBe('unhealthy');
    expect(shadowed(40, 0, 12, 0)).toBe('unhealthy');
  });
});

describe('a tally', () => {
  test('the mean is that of all while they are few, and follows the recent ones', () => {
    const counted = createTally();
    expect(counted.meanMs).toBeNull();
    counted.succeeded(10);
    counted.failed();
    counted.succeeded(30);
    expect(counted).toMatchObject({ runs: 3, failures: 1, meanMs: 20 });
    for (let n = 0; n < 200; n++) counted.succeeded(100);
    expect(counted.meanMs).toBeCloseTo(100, 0);
  });

  test('shadows are no runs', () => {
    const counted = createTally();
    counted.shadowed(true);
    counted.shadowed(false);
    expect(counted).toMatchObject({ runs: 0, shadows: 2, differences: 1 });
  });
});
