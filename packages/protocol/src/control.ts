import { z } from 'zod';
import { idSchema, taskIdSchema } from './ids.ts';
import { releaseSchema } from './release.ts';

/** Do not start these dispatches or earlier ones of the task; abort them where they run. */
const cancelMessageSchema = z.object({
  kind: z.literal('cancel'),
  tasks: z.array(z.object({ task_id: taskIdSchema, dispatch_no: z.int() })),
});

/**
 * `active` has moved: tasks for `active` that were placed under a lower epoch, and tasks for `any` that stood in the
 * region that was left, are not to be started. They have been placed anew. Repeated to every WEE that appears, comes
 * back or asks, for each region that was left; the last word of that answer names no region.
 */
const voidMessageSchema = z.object({
  kind: z.literal('void'),
  region: idSchema.describe('That was left; `none` ends an answer.'),
  epoch: z.int().describe('The one after it; with `none`, the one that stands.'),
});

/** Which versions of workers to run. Repeated to every WEE that appears, comes back or asks, before the word that ends the answer. */
const releaseMessageSchema = z.object({ kind: z.literal('release'), releases: z.array(releaseSchema) });

/** Body of a message on the fanout `tenma.control`: LE → every WEE. */
export const controlMessageSchema = z
  .discriminatedUnion('kind', [cancelMessageSchema, voidMessageSchema, releaseMessageSchema])
  .meta({ id: 'ControlMessage' });
export type ControlMessage = z.infer<typeof controlMessageSchema>;
export type CancelMessage = z.infer<typeof cancelMessageSchema>;
export type VoidMessage = z.infer<typeof voidMessageSchema>;

/** Body of the one message on `tenma.marker`: whoever finds it gone knows the broker was wiped. */
export const markerSchema = z.object({ generation: z.int().positive() }).meta({ id: 'Marker' });
export type Marker = z.infer<typeof markerSchema>;
