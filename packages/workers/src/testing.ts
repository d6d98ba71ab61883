/**
 * A worker package for tests and the bench: one worker that answers what it was given, and one for every way in
 * which a worker can misbehave.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { defineWorker } from '@tenma/worker';
import { z } from 'zod';

const anything = z.unknown();
const duration = z.object({ ms: z.int().min(0).describe('Milliseconds.') });

export const echo = defineWorker({
  type: 'echo',
  version: '1.0.0',
  description: 'Answers its input, any JSON.',
  input: anything,
  output: anything,
  example: { hello: 'world' },
  run: ({ input }) => input,
});

export const sleep = defineWorker({
  type: 'sleep',
  version: '1.0.0',
  description: 'Waits for `ms` milliseconds; ends at once when it is aborted.',
  input: duration,
  output: z.object({ slept_ms: z.number() }),
  example: { ms: 100 },
  async run({ input, signal }) {
    const startedAt = performance.now();
    await wait(input.ms, undefined, { signal });
    return { slept_ms: performance.now() - startedAt };
  },
});

export const stubborn = defineWorker({
  type: 'stubborn',
  version: '1.0.0',
  description: 'Waits for `ms` milliseconds, whatever its abort signal says.',
  input: duration,
  output: z.null(),
  example: { ms: 100 },
  async run({ input }) {
    await wait(input.ms);
    return null;
  },
});

export const crash = defineWorker({
  type: 'crash',
  version: '1.0.0',
  description: 'Ends its process with the exit code `code`, and with it every attempt that runs there.',
  input: z.object({ code: z.int().min(0).max(255).default(1) }),
  output: z.null(),
  example: {},
  run({ input }) {
    process.exit(input.code);
  },
});

export const throwing = defineWorker({
  type: 'throw',
  version: '1.0.0',
  description: 'Throws an Error with the message given.',
  input: z.object({ message: z.string().default('thrown on purpose') }),
  output: z.null(),
  example: {},
  run({ input }) {
    throw new Error(input.message);
  },
});

export const spin = defineWorker({
  type: 'spin',
  version: '1.0.0',
  description: 'Never gives back the event loop of its process.',
  input: z.object({}),
  output: z.null(),
  example: {},
  run() {
    for (;;);
  },
});

export const heap = defineWorker({
  type: 'heap',
  version: '1.0.0',
  description: 'Allocates until its process runs out of memory.',
  input: z.object({}),
  output: z.null(),
  cost: 'heavy',
  example: {},
  run() {
    // Numbers with a fraction: nothing to follow for the collector, so the end comes soon.
    const hoard: number[][] = [];
    for (;;) hoard.push(Array.from<number>({ length: 1_000_000 }).fill(0.5));
  },
});

// oxlint-disable-next-line import/no-default-export -- a worker package
export default [echo, sleep, stubborn, crash, throwing, spin, heap];
