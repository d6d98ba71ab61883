import { setImmediate as nextTurn } from 'node:timers/promises';
import { defineWorker } from '@tenma/worker';
import { z } from 'zod';

/** Numbers sifted between two looks at the signal: a few milliseconds. */
const sliceSize = 200_000;

/**
 * Computes and waits for nothing. Its cost follows the input: a small one leaves room for others in its process, a large
 * one has a process to itself.
 */
// oxlint-disable-next-line import/no-default-export -- a worker package
export default defineWorker({
  type: 'count-primes',
  version: '1.0.0',
  description: 'Counts the prime numbers up to a bound.',
  input: z.strictObject({ to: z.int().min(0).max(50_000_000) }),
  output: z.object({ primes: z.int(), largest: z.int().nullable() }),
  cost: ({ to }) => to / 50_000,
  timeout_ms: 120_000,
  example: { to: 1_000_000 },
  async run({ input: { to }, signal }) {
    const divisors = primesIn(2, Math.floor(Math.sqrt(to)), []);
    let primes = 0;
    let largest: number | null = null;
    for (let start = 2; start <= to; start += sliceSize) {
      const found = primesIn(start, Math.min(to, start + sliceSize - 1), divisors);
      primes += found.length;
      largest = found.at(-1) ?? largest;
      await nextTurn();
      signal.throwIfAborted();
    }
    return { primes, largest };
  },
});

/** The primes from `start` to `end`. `divisors`: those up to the root of `end`, unless they are in the range themselves. */
function primesIn(start: number, end: number, divisors: readonly number[]): number[] {
  const composite = new Uint8Array(Math.max(0, end - start + 1));
  const found: number[] = [];
  const strike = (prime: number) => {
    const first = Math.max(prime * prime, Math.ceil(start / prime) * prime);
    for (let multiple = first; multiple <= end; multiple += prime) composite[multiple - start] = 1;
  };
  for (const prime of divisors) strike(prime);
  for (let number = start; number <= end; number += 1) {
    if (composite[number - start] === 1) continue;
    found.push(number);
    if (divisors.length === 0) strike(number);
  }
  return found;
}
