import { z } from 'zod';
import { epochMsSchema, idSchema, taskIdSchema } from './ids.ts';

/** The end of one probe of a node, as the LE replica that wrote it down tells the one that observes. */
export const observationSchema = z
  .object({
    node_id: idSchema,
    observer: idSchema.describe('The region it was seen from.'),
    outcome: z
      .enum(['up', 'down', 'lost'])
      .describe('`lost`: the probe itself came to nothing, which says nothing of the node.'),
    at: epochMsSchema,
    round_trip_ms: z.number().nullable(),
    reason: z.string().nullable(),
    task_id: taskIdSchema,
  })
  .meta({ id: 'Observation' });
export type Observation = z.infer<typeof observationSchema>;

/** Body of a message on the fanout `tenma.observations`: LE → every LE, of which one observes. */
export const observationBatchSchema = z
  .object({ from: z.string(), observations: z.array(observationSchema) })
  .meta({ id: 'ObservationBatch' });
export type ObservationBatch = z.infer<typeof observationBatchSchema>;
