import { runForTest } from '@tenma/worker/testing';
import { describe, expect, it } from 'vitest';
import counter from './index.ts';

describe('counter', () => {
  it.each([
    [41, 1, 42],
    [0, -3, -3],
  ])('%i and %i is %i, wherever it runs', async (value, increment, sum) => {
    const { outcome } = await runForTest(counter, { value, increment }, { region: 'eu-west-1' });
    expect(outcome).toEqual({ kind: 'succeeded', output: { value: sum, region: 'eu-west-1' } });
  });
});
