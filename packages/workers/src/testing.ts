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

export const buffers = defineWorker({
  type: 'buffers',
  version: '1.0.0',
  description: 'Fills memory outside the heap of its process without end, `mb` MiB a second.',
  input: z.object({ mb: z.int().min(1).default(1_024) }),
  output: z.null(),
  cost: 'heavy',
  example: {},
  async run({ input }) {
    const hoard: Buffer[] = [];
    for (;;) {
      hoard.push(Buffer.alloc((input.mb * 1024 * 1024) / 100, 1));
      await wait(10);
    }
  },
});

export const killed = defineWorker({
  type: 'killed',
  version: '1.0.0',
  description: 'Sends SIGKILL to its process.',
  input: z.object({}),
  output: z.null(),
  example: {},
  run() {
    process.kill(process.pid, 'SIGKILL');
    return new Promise<null>(() => {});
  },
});

export const rejecting = defineWorker({
  type: 'reject',
  version: '1.0.0',
  description: 'Leaves a rejected promise behind that nobody awaits, and waits for `ms` milliseconds.',
  input: duration,
  output: z.null(),
  example: { ms: 1_000 },
  async run({ input, signal }) {
    void Promise.reject(new Error('rejected on purpose'));
    await wait(input.ms, undefined, { signal });
    return null;
  },
});

export const throwingLate = defineWorker({
  type: 'throw-late',
  version: '1.0.0',
  description: 'Throws in a timer, outside of its attempt, and waits for `ms` milliseconds.',
  input: duration,
  output: z.null(),
  example: { ms: 1_000 },
  async run({ input, signal }) {
    setTimeout(() => {
      throw new Error('thrown in a timer on purpose');
    }, 1);
    await wait(input.ms, undefined, { signal });
    return null;
  },
});

export const wrong = defineWorker({
  type: 'wrong',
  version: '1.0.0',
  description: 'Returns what its output schema does not admit.',
  input: z.object({}),
  output: z.object({ right: z.literal(true) }),
  example: {},
  run: () => ({ right: false }) as unknown as { right: true },
});

export const large = defineWorker({
  type: 'large',
  version: '1.0.0',
  description: 'Returns a text of `bytes` bytes.',
  input: z.object({ bytes: z.int().min(0) }),
  output: z.string(),
  example: { bytes: 300_000 },
  run: ({ input }) => 'x'.repeat(input.bytes),
});

// oxlint-disable-next-line import/no-default-export -- a worker package
export default [
  echo,
  sleep,
  stubborn,
  crash,
  throwing,
  spin,
  heap,
  buffers,
  killed,
  rejecting,
  throwingLate,
  wrong,
  large,
];
