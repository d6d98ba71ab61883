import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSampler } from './sampler.ts';

const randoms = fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }));
const shares = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.constantFrom(0, 0.1, 0.25, 1 / 3, 0.5, 1),
);

/** The positions of what was drawn. */
function drawn(random: () => number, share: number, count: number): number[] {
  const sampler = createSampler(random);
  return Array.from({ length: count }, (_, n) => n).filter(() => sampler.draw(share));
}

test('the share is kept to within two, wherever in each stretch the draw falls', () => {
  fc.assert(
    fc.property(randoms, shares, fc.integer({ min: 0, max: 500 }), (stream, share, count) => {
      const random = () => stream.next().value as number;
      expect(Math.abs(drawn(random, share, count).length - share * count)).toBeLessThanOrEqual(2);
    }),
  );
});

test('all or nothing is exactly that', () => {
  fc.assert(
    fc.property(randoms, (stream) => {
      const random = () => stream.next().value as number;
      expect([drawn(random, 1, 100).length, drawn(random, 0, 100).length]).toEqual([100, 0]);
    }),
  );
});

test.each([2, 3, 5, 10, 20])('what comes round every %d is drawn as often as the rest', (period) => {
  let state = 1;
  const lehmer = () => {
    state = (state * 48_271) % 0x7fffffff;
    return state / 0x7fffffff;
  };
  const hits = drawn(lehmer, 0.1, 20_000).filter((n) => n % period === 0).length;
  expect(hits * period).toBeGreaterThan(2_000 * 0.7);
  expect(hits * period).toBeLessThan(2_000 * 1.3);
});
