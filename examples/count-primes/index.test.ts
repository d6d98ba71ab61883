import { runForTest, startForTest } from '@tenma/worker/testing';
import { describe, expect, it } from 'vitest';
import countPrimes from './index.ts';

describe('count-primes', () => {
  it.each([
    [0, { primes: 0, largest: null }],
    [1, { primes: 0, largest: null }],
    [2, { primes: 1, largest: 2 }],
    [100, { primes: 25, largest: 97 }],
    [1_000_000, { primes: 78_498, largest: 999_983 }],
  ])('up to %i', async (to, output) => {
    expect((await runForTest(countPrimes, { to })).outcome).toEqual({ kind: 'succeeded', output });
  });

  it('stops when it is cancelled', async () => {
    const run = startForTest(countPrimes, { to: 20_000_000 });
    run.cancel();
    expect((await run.ended).outcome).toMatchObject({ kind: 'failed', error: { code: 'cancelled' } });
  });
});
