import { defineWorker } from '@tenma/worker';
import { z } from 'zod';

/**
 * The computation of a counter, sent to where it should run. It keeps nothing: the value comes with the input and leaves
 * with the output, so it may run anywhere and be repeated.
 */
// oxlint-disable-next-line import/no-default-export -- a worker package
export default defineWorker({
  type: 'counter',
  version: '1.0.0',
  description: 'Adds an increment, or a decrement, to a value and says where that was done.',
  input: z.strictObject({ value: z.int(), increment: z.int() }),
  output: z.object({ value: z.int(), region: z.string() }),
  cost: () => 1,
  example: { value: 41, increment: 1 },
  run: ({ input, task }) => ({ value: input.value + input.increment, region: task.region }),
});
