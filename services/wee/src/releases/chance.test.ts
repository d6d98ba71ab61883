import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chanceOfAtLeast, chanceOfMore } from './chance.ts';

const part = fc
  .integer({ min: 1, max: 12 })
  .chain((of) => fc.integer({ min: 0, max: of }).map((hits) => ({ hits, of })));

/** Counts every way to deal so many hits to two sides. */
function choose(of: number, hits: number): number {
  return hits === 0 || hits === of ? 1 : choose(of - 1, hits - 1) + choose(of - 1, hits);
}

test('the chance that the lot gives one side as many is counted out', () => {
  fc.assert(
    fc.property(part, part, (one, other) => {
      const hits = one.hits + other.hits;
      let ways = 0;
      for (let k = one.hits; k <= Math.min(hits, one.of); k++) {
        if (hits - k <= other.of) ways += choose(one.of, k) * choose(other.of, hits - k);
      }
      expect(chanceOfMore(one, other)).toBeCloseTo(ways / choose(one.of + other.of, hits), 8);
    }),
  );
});

test('it is as exact where the numbers are large', () => {
  const chance = chanceOfMore({ hits: 3, of: 100_000 }, { hits: 0, of: 900_000 });
  expect(chance / 0.001).toBeCloseTo(1, 3);
  expect(chanceOfMore({ hits: 100_000, of: 1_000_000 }, { hits: 100_000, of: 1_000_000 })).toBeCloseTo(
    0.5,
    2,
  );
});

test('so many hits at a rate', () => {
  expect(chanceOfAtLeast({ hits: 0, of: 9 }, 0.1)).toBe(1);
  expect(chanceOfAtLeast({ hits: 1, of: 9 }, 0.1)).toBeCloseTo(1 - 0.9 ** 9, 10);
  expect(chanceOfAtLeast({ hits: 2, of: 2 }, 0.1)).toBeCloseTo(0.01, 10);
});
