import { readConfig } from '@tenma/runtime';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { workerFields } from './worker-settings.ts';

const read = (text: string) => readConfig(z.object(workerFields), { TENMA_POOLS: text }).POOLS;

describe('the bounds by type', () => {
  it('are read', () => {
    expect(read('crunch=1..4, probe-http=0..2,')).toEqual({
      crunch: { min: 1, max: 4 },
      'probe-http': { min: 0, max: 2 },
    });
  });

  it.each([
    ['a=1..2,probe-http=4..2', /TENMA_POOLS: probe-http=4\.\.2: .*above.*write probe-http=2\.\.4/],
    ['crunch=0..0', /TENMA_POOLS: crunch=0\.\.0: .*at least one.*crunch=0\.\.1/],
    ['crunch=4', /TENMA_POOLS: crunch=4: .*not of the form TYPE=MIN\.\.MAX/],
    ['Crunch=1..2', /TENMA_POOLS: Crunch=1\.\.2: .*not of the form/],
  ])('that are wrong, as in %s, are named with the variable, the entry and the remedy', (text, told) => {
    expect(() => read(text)).toThrow(told);
  });
});
