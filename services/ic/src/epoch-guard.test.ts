import { expect, it } from 'vitest';
import { createEpochGuard } from './epoch-guard.ts';

it('an epoch is stale once a higher one was heard of, and the same one is not', () => {
  const epochs = createEpochGuard();
  expect([1, 3, 2, 3, 4, 3].map((epoch) => epochs.isStale(epoch))).toEqual([
    false,
    false,
    true,
    false,
    false,
    true,
  ]);
});
