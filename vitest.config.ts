import { defineConfig } from 'vitest/config';

/** What times processes on the whole machine: these run alone, after all others. */
const timed = [
  'test/faults/failover.test.ts',
  'test/faults/flood.test.ts',
  'test/faults/hot-update.test.ts',
  'test/system/measured-latency.test.ts',
];
const exclude = ['**/node_modules/**', '**/dist/**'];
/** What ends a test that hangs; what a test proves of time it asserts itself. Twice the default of `until`, which names what it waits for. */
const timeouts = { testTimeout: 40_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'together',
          include: [
            '{packages,services}/*/src/**/*.test.ts',
            'test/**/*.test.ts',
            '{examples,my-workers}/**/*.test.ts',
          ],
          exclude: [...exclude, ...timed],
          ...timeouts,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'alone',
          include: timed,
          exclude,
          ...timeouts,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
