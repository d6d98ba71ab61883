import { z } from 'zod';
import { epochMsSchema, idSchema, jsonSchema, regionChoiceSchema, taskIdSchema } from './ids.ts';
import { placementSchema, requiresSchema } from './task.ts';
import { slotsSchema } from './task-type.ts';

/** A task on its way to a worker: all that IC needs to place it and a WEE to run it. */
export const dispatchSchema = z
  .object({
    id: taskIdSchema,
    type: idSchema,
    input: jsonSchema,
    region: regionChoiceSchema,
    priority: z.int(),
    requires: requiresSchema,
    dispatch_no: z.int().describe('Which sending of the task this is; settled by `queued` or `waiting`.'),
    attempt: z.int().describe('The attempt that this dispatch starts, from 1.'),
    max_attempts: z.int(),
    crashes: z.int().describe('Attempts that ended with the death of their process, so far.'),
    revision: z.int(),
    timeout_ms: z.int(),
    cost: slotsSchema.optional().describe('Slots of an attempt, where the submission says so.'),
    majors: z
      .array(z.int())
      .optional()
      .describe('Majors of the type whose schemas accept the input, in order of preference. Absent: any.'),
    near: idSchema
      .optional()
      .describe('Among several regions, those with a short way to this one come first.'),
    not_after: epochMsSchema.describe('A WEE does not start it after this moment.'),
    idempotency_key: z.string().describe('Handed to the worker, the same for every attempt.'),
    traceparent: z.string().optional(),
  })
  .meta({ id: 'Dispatch' });
export type Dispatch = z.infer<typeof dispatchSchema>;

/** Body of a message on `tenma.ic`: LE → IC. */
export const dispatchBatchSchema = z
  .object({
    le_id: z.string(),
    active_region: idSchema,
    epoch: z.int().describe('Of the active region; a lower one is stale.'),
    avoid: z
      .array(idSchema)
      .describe('Regions that tasks for `any` keep clear of: offline, or in maintenance.'),
    degraded: z.array(idSchema).optional().describe('Regions that tasks for `any` go to less gladly.'),
    round_trips: z
      .record(idSchema, z.record(idSchema, z.number()))
      .optional()
      .describe('For each `near` of the batch: milliseconds from a region to it.'),
    tasks: z.array(dispatchSchema),
  })
  .meta({ id: 'DispatchBatch' });
export type DispatchBatch = z.infer<typeof dispatchBatchSchema>;

/** Body of a message on the queue of a pool: IC → WEE, one a task. */
export const assignmentSchema = dispatchSchema
  .extend({
    placement: placementSchema,
    queued_at: epochMsSchema,
    epoch: z.int().describe('Of the active region when it was placed.'),
  })
  .meta({ id: 'Assignment' });
export type Assignment = z.infer<typeof assignmentSchema>;
