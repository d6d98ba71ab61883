import { ConfigError } from '@tenma/runtime';
import { expect, it } from 'vitest';
import { devConfig } from './config.ts';

it.each(['active', 'any', 'none'])('the region cannot be %s, which means something else', (id) => {
  const read = () => devConfig({ TENMA_REGION: id });
  expect(read).toThrow(ConfigError);
  expect(read).toThrow(/TENMA_REGION: .*mean something else/);
  expect(devConfig({ TENMA_REGION: 'osaka' }).REGION).toBe('osaka');
});

it('worker packages may stand apart', () => {
  expect(devConfig({ TENMA_WORKERS: '@tenma/workers, ./mine.ts,' }).WORKERS).toEqual([
    '@tenma/workers',
    './mine.ts',
  ]);
});
