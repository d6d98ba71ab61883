import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createFifo } from './fifo.ts';

test('gives items back in the order they came, through any number of compactions', () => {
  const run = fc.record({ push: fc.nat(3_000), take: fc.nat(3_000) });
  fc.assert(
    fc.property(fc.array(run, { maxLength: 8 }), (runs) => {
      const fifo = createFifo<number>();
      let pushed = 0;
      let taken = 0;
      for (const { push, take } of runs) {
        for (let count = 0; count < push; count += 1) fifo.push(pushed++);
        for (let count = 0; count < take && fifo.length > 0; count += 1) {
          expect.assert(fifo.peek() === taken && fifo.shift() === taken, 'in order');
          taken += 1;
        }
        expect(fifo.length).toBe(pushed - taken);
      }
      expect(fifo.drain()).toHaveLength(pushed - taken);
      expect(fifo.shift()).toBeUndefined();
    }),
    { numRuns: 30 },
  );
});
