import { z } from 'zod';
import { idSchema, timestampSchema } from './ids.ts';

/**
 * Where a round trip is known from. `floor`: light in fibre over the great circle. `estimated`: a model of real paths.
 * `coordinates`: distances between places in a space that the measurements span. `measured`: probes.
 */
export const latencyKinds = ['floor', 'estimated', 'coordinates', 'measured'] as const;
export const latencyKindSchema = z.enum(latencyKinds).meta({ id: 'LatencyKind' });
export type LatencyKind = z.infer<typeof latencyKindSchema>;

/** `effective`: the best that is known of each pair. */
export const latencyLayers = ['floor', 'estimated', 'measured', 'effective'] as const;
export const latencyLayerSchema = z.enum(latencyLayers);
export type LatencyLayer = z.infer<typeof latencyLayerSchema>;

/** One pair of regions. Round trips in milliseconds. */
export const latencyCellSchema = z
  .object({
    rtt_ms: z.number().describe('The p50.'),
    p50_ms: z.number(),
    p95_ms: z.number(),
    kind: latencyKindSchema,
    samples: z.int().describe('Probes it rests on; 0 for what is computed.'),
    age_ms: z.int().nullable().describe('Of the last sample; null for what is computed.'),
    error_ms: z.number().nullable().describe('Half the width of what it may be off by, where that is known.'),
  })
  .meta({ id: 'LatencyCell' });
export type LatencyCell = z.infer<typeof latencyCellSchema>;

export const latencyMatrixSchema = z
  .object({
    layer: latencyLayerSchema,
    matrix: z
      .record(z.string(), z.record(z.string(), z.number()))
      .describe('from, to, round trip in ms. A region has no entry to itself.'),
    cells: z.record(z.string(), z.record(z.string(), latencyCellSchema)),
  })
  .meta({ id: 'LatencyMatrix' });
export type LatencyMatrix = z.infer<typeof latencyMatrixSchema>;

/** What the probes from one region have measured lately: `data` of the retained `tenma/v1/latency/{from}`. */
export const latencyVectorSchema = z
  .object({
    from: idSchema,
    to: z.record(
      z.string(),
      z.object({ p50_ms: z.number(), p95_ms: z.number(), samples: z.int(), at: timestampSchema }),
    ),
    coordinate: z
      .object({ at: z.array(z.number()), height_ms: z.number(), error: z.number() })
      .nullable()
      .describe('Place in the space that the measurements span, in ms; `error` is relative.'),
  })
  .meta({ id: 'LatencyVector' });
export type LatencyVector = z.infer<typeof latencyVectorSchema>;

/** Answer of `GET /api/geo/replication-group/{region_id}`. */
export const replicationGroupSchema = z
  .object({
    source_region: idSchema,
    replication_targets: z.array(idSchema).describe('Nearest first.'),
    latencies_ms: z.record(z.string(), z.number()),
  })
  .meta({ id: 'ReplicationGroup' });
export type ReplicationGroup = z.infer<typeof replicationGroupSchema>;
