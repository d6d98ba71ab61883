import { setImmediate as nextTurn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { latencyMatrix } from '@tenma/geo';
import { idSchema, latencyMatrixSchema, latencyVectorSchema, limits, locationSchema } from '@tenma/protocol';
import { defineWorker, WorkerError } from '@tenma/worker';
import { z } from 'zod';
import { milliseconds } from '../timings.ts';
import { leastJsonBytes } from './result-size.ts';

const region = z.strictObject({ id: idSchema, ...locationSchema.shape });

const vectors = z
  .array(latencyVectorSchema)
  .max(2_000)
  .refine((all) => areUnique(all.map(({ from }) => from)), 'two vectors are from the same region');

const input = z
  .strictObject({
    regions: z
      .array(region)
      .min(1)
      .max(2_000)
      .refine((all) => areUnique(all.map(({ id }) => id)), 'two regions have the same id'),
    from: z.array(idSchema).min(1).optional().describe('Only the rows of these regions; default all.'),
    layer: z
      .enum(['floor', 'estimated', 'effective'])
      .default('estimated')
      .describe(
        '`floor`: what light in fibre allows; `estimated`: a model of real paths; `effective`: the best that is known of each pair, with `vectors`.',
      ),
    vectors: vectors.default([]).describe('What was measured, whatever its age; for the layer `effective`.'),
    cells: z.boolean().default(false).describe('Give p50 and p95, kind, samples and age of each pair too.'),
  })
  .refine(({ regions, from = [] }) => new Set(regions.map(({ id }) => id)).isSupersetOf(new Set(from)), {
    error: 'names a region that is not among `regions`',
    path: ['from'],
  });
export type LatencyMatrixInput = z.infer<typeof input>;

const output = z.object({
  layer: latencyMatrixSchema.shape.layer,
  matrix: latencyMatrixSchema.shape.matrix,
  cells: latencyMatrixSchema.shape.cells.optional(),
  pairs: z.int(),
  elapsed_ms: z.number().min(0).describe('That the computing took.'),
});
export type LatencyMatrixOutput = z.infer<typeof output>;

function areUnique(ids: readonly string[]): boolean {
  return new Set(ids).size === ids.length;
}

/** What the caller hands over as measured, it takes for fresh. */
const freshMs = Number.POSITIVE_INFINITY;

/**
 * The round trips that the input asks for. Gives the event loop back again and again, and rejects when `signal` has
 * aborted meanwhile.
 */
export async function computeMatrix(
  { regions, from, layer, vectors, cells }: LatencyMatrixInput,
  { signal, onRows }: { signal: AbortSignal; onRows: (done: number) => void },
): Promise<LatencyMatrixOutput> {
  const startedAt = performance.now();
  const sight = {
    places: new Map(regions.map(({ id, lat, lon }) => [id, { lat, lon }])),
    vectors: new Map(vectors.map((vector) => [vector.from, vector])),
    now: Date.now(),
    freshMs,
  };
  const breathe = async () => {
    await nextTurn();
    signal.throwIfAborted();
  };
  const options = { signal, cells, breathe, onRows, ...(from === undefined ? {} : { from }) };
  const computed = await latencyMatrix(layer, sight, options);
  return {
    layer,
    matrix: computed.matrix,
    ...(cells ? { cells: computed.cells } : {}),
    pairs: (from ?? regions).length * (regions.length - 1),
    elapsed_ms: milliseconds(performance.now() - startedAt),
  };
}

/** @throws WorkerError `result_too_large`, before anything is computed */
function checkSize({ cells }: LatencyMatrixInput, from: readonly string[], ids: readonly string[]): void {
  if (leastJsonBytes(from.length, ids, { cells }) <= limits.blobBytes) return;
  throw new WorkerError(
    `${from.length} × ${ids.length} regions do not fit a result; ask for rows by \`from\`${cells ? ', or leave out `cells`' : ''}`,
    { code: 'result_too_large' },
  );
}

/** About 5 ms of computing: what a slot of a hundred stands for. */
const pairsOfSlot = 10_000;
/** A cell takes so many times as much as a number of the matrix. */
const weightOfCells = 4;

function slotsOf({ regions, from = [], cells }: LatencyMatrixInput): number {
  const rows = new Set(from).size || regions.length;
  return (rows * regions.length * (cells ? weightOfCells : 1)) / pairsOfSlot;
}

export const latencyMatrixWorker = defineWorker({
  type: 'latency-matrix',
  version: '2.1.0',
  description:
    'The round trips between regions: what light in fibre allows, what real paths are estimated to take, or the best that is known with what was measured. A result holds 64 MiB, over 1,000 regions, or 600 with cells; name the rows wanted in `from` for more.',
  input,
  output,
  progress: z.object({ rows_done: z.int(), rows: z.int() }),
  cost: slotsOf,
  shadow: (before, after) => isDeepStrictEqual(before.matrix, after.matrix),
  example: {
    regions: [
      { id: 'ap-northeast-1', lat: 35.68, lon: 139.69 },
      { id: 'us-east-1', lat: 39.04, lon: -77.49 },
    ],
  },
  run({ input: wanted, signal, progress }) {
    const ids = wanted.regions.map(({ id }) => id);
    const rows = new Set(wanted.from ?? ids);
    // Once each, in the order of the regions.
    const from = ids.filter((id) => rows.has(id));
    checkSize(wanted, from, ids);
    const onRows = (rows_done: number) => progress({ rows_done, rows: from.length });
    return computeMatrix({ ...wanted, from }, { signal, onRows });
  },
});
