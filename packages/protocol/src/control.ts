import { z } from 'zod';
import { taskIdSchema } from './ids.ts';

/** Body of a message on the fanout `tenma.control`: LE → every WEE. */
export const controlMessageSchema = z
  .object({
    kind: z.literal('cancel'),
    /** Do not start these dispatches or earlier ones of the task; abort them where they run. */
    tasks: z.array(z.object({ task_id: taskIdSchema, dispatch_no: z.int() })),
  })
  .meta({ id: 'ControlMessage' });
export type ControlMessage = z.infer<typeof controlMessageSchema>;

/** Body of the one message on `tenma.marker`: whoever finds it gone knows the broker was wiped. */
export const markerSchema = z.object({ generation: z.int().positive() }).meta({ id: 'Marker' });
export type Marker = z.infer<typeof markerSchema>;
