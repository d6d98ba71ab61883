import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      '{packages,services}/*/src/**/*.test.ts',
      'test/**/*.test.ts',
      '{examples,my-workers}/**/*.test.ts',
    ],
    exclude: ['**/node_modules/**', '**/dist/**'],
    testTimeout: 10_000,
    hookTimeout: 20_000,
    maxWorkers: 2,
  },
});
