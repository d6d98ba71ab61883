import { describe, expect, test } from 'vitest';
import { createHalfwayMark } from './halfway.ts';
import { createSide } from './side.ts';
import { usualMs } from './timing.ts';

describe('a side of a trial', () => {
  test('is warm when an attempt has succeeded, and counts the times of warm ones', () => {
    const side = createSide();
    side.start(0, side.warm)('failed', 1);
    const first = [side.start(0, side.warm), side.start(0, side.warm)];
    for (const end of first) end('succeeded', 3_000);
    side.start(4_000, side.warm)('succeeded', 10);
    expect(side).toMatchObject({ started: 4, startedWarm: 1, runs: 4, failures: 1, timing: { count: 1 } });
    expect(usualMs(side.timing)).toBeCloseTo(10, 6);
  });

  test('what was cancelled says nothing but how long it took', () => {
    const side = createSide();
    side.start(0, true)('other', 900);
    expect(side).toMatchObject({ started: 1, runs: 0, failures: 0 });
    expect(side.slowestMs(1_000)).toBe(900);
  });

  test('what it refused is no run, and in a row until one of its attempts runs', () => {
    const side = createSide();
    for (const ending of ['refused', 'refused', 'failed', 'refused', 'other', 'refused'] as const) {
      side.start(0, true)(ending, 1);
    }
    expect(side).toMatchObject({ refused: 4, refusedInARow: 2, runs: 1, failures: 1 });
  });

  test('knows what still runs', () => {
    const side = createSide();
    const end = side.start(0, false);
    side.start(100, true);
    expect([side.openBeyond(150, 200), side.openBeyond(50, 200), side.slowestMs(200)]).toEqual([1, 2, 200]);
    expect(side.openBeyond(50, 200, true)).toBe(1);
    end('succeeded', 200);
    expect([side.openBeyond(50, 200), side.slowestMs(210)]).toEqual([1, 200]);
  });
});

test('of what started in the first half of a trial it is known how much still runs', () => {
  const [candidate, stable] = [createSide(), createSide()];
  const mark = createHalfwayMark(0, candidate, stable);
  const seen = [];
  for (let now = 0; now <= 8_000; now += 500) {
    candidate.start(now, false);
    stable.start(now, false)('succeeded', 1);
    seen.push(mark.at(now));
  }
  expect(seen.slice(0, 5)).toEqual(Array(5).fill(null));
  // The marks are at 1.5, 2.5 and 5 s; what starts at the moment of a mark belongs to it.
  expect(seen[5]).toEqual({ candidate: { started: 4, open: 3 }, stable: { started: 4, open: 0 } });
  expect(seen[9]).toEqual({ candidate: { started: 4, open: 3 }, stable: { started: 4, open: 0 } });
  expect(seen[10]).toEqual({ candidate: { started: 6, open: 5 }, stable: { started: 6, open: 0 } });
});
