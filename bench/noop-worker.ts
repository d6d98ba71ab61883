import { defineWorker } from '@tenma/worker';
import { z } from 'zod';

// oxlint-disable-next-line import/no-default-export -- a worker package
export default defineWorker({
  type: 'noop',
  version: '1.0.0',
  description: 'Does nothing and answers null, whatever it was given.',
  input: z.unknown(),
  output: z.null(),
  example: {},
  run: () => null,
});
