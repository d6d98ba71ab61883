import { idSchema, limits } from '@tenma/protocol';
import { defineWorker, WorkerError } from '@tenma/worker';
import { z } from 'zod';
import { latencyFloors, leastJsonBytes, matrixOf } from './matrix.ts';

const region = z.strictObject({
  id: idSchema,
  lat: z.number().min(-90).max(90).describe('Degrees north.'),
  lon: z.number().min(-180).max(180).describe('Degrees east.'),
});

const input = z
  .strictObject({
    regions: z.array(region).min(1).max(2_000),
    from: z.array(idSchema).min(1).optional().describe('Only the rows of these regions; default all.'),
  })
  .refine(({ regions }) => new Set(regions.map(({ id }) => id)).size === regions.length, {
    error: 'two regions have the same id',
    path: ['regions'],
  })
  .refine(({ regions, from = [] }) => new Set(regions.map(({ id }) => id)).isSupersetOf(new Set(from)), {
    error: 'names a region that is not among `regions`',
    path: ['from'],
  });

const output = z.object({
  matrix: z
    .record(z.string(), z.record(z.string(), z.number()))
    .describe('from, to, round trip in ms, to 0.1.'),
  kind: z.literal('floor').describe('What light in fibre allows; real paths take 1.1 to 3.2 times as long.'),
  pairs: z.int(),
});

export const latencyMatrixWorker = defineWorker({
  type: 'latency-matrix',
  version: '1.0.0',
  description:
    'The least round trip between regions: the great circle at 200 km/ms, there and back. A result holds 256 KiB, about 100 regions with ids like ap-northeast-1; name the rows wanted in `from` for more.',
  input,
  output,
  progress: z.object({ rows_done: z.int(), rows: z.int() }),
  cost: 'medium',
  example: {
    regions: [
      { id: 'ap-northeast-1', lat: 35.68, lon: 139.69 },
      { id: 'us-east-1', lat: 39.04, lon: -77.49 },
    ],
  },
  async run({ input: { regions, from: wanted }, signal, progress }) {
    const rows = wanted === undefined ? regions : regions.filter(({ id }) => wanted.includes(id));
    if (leastJsonBytes(rows, regions) > limits.resultBytes) {
      throw new WorkerError(
        `${rows.length} × ${regions.length} regions do not fit a result; ask for rows by \`from\``,
        {
          code: 'result_too_large',
        },
      );
    }
    const onRows = (rows_done: number) => progress({ rows_done, rows: rows.length });
    const floors = await latencyFloors(rows, regions, { signal, onRows });
    onRows(rows.length);
    return {
      matrix: matrixOf(floors, rows, regions),
      kind: 'floor' as const,
      pairs: rows.length * (regions.length - 1),
    };
  },
});
