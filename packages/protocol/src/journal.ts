import { z } from 'zod';
import { outputRefSchema } from './blob.ts';
import { taskErrorSchema } from './errors.ts';
import { epochMsSchema, idSchema, jsonSchema, taskIdSchema } from './ids.ts';
import { versionReportSchema } from './release.ts';
import { placementSchema } from './task.ts';

const common = { task_id: taskIdSchema, dispatch_no: z.int(), at: epochMsSchema };

/** IC: the task stands in the queue of a pool, confirmed by the broker. */
export const queuedEventSchema = z.object({
  kind: z.literal('queued'),
  ...common,
  placement: placementSchema,
});

/** Said with a refusal for its epoch: LE moves on past it when it knows only of a lower one, as after a restore. */
const heardEpoch = z.int().optional().describe('The highest epoch of the active region heard of.');

/** IC: no pool can take it now. Costs no attempt; LE sends it again later. */
export const waitingEventSchema = z.object({
  kind: z.literal('waiting'),
  ...common,
  reason: z.string(),
  epoch: heardEpoch,
});

/** A WEE's news often overtakes IC's `queued` of the same dispatch: it says again where the task was placed. */
const placed = {
  placement: placementSchema,
  queued_at: epochMsSchema,
  urgent: z.boolean().optional().describe('Of a task above the default priority: written before others.'),
};

/** WEE: an attempt began and has run long enough to be worth telling. */
export const startedEventSchema = z.object({
  kind: z.literal('started'),
  ...common,
  ...placed,
  attempt: z.int(),
  wee_id: idSchema,
  region: idSchema,
});

/** WEE: an attempt ended. `announced`: its result was acknowledged by the MQTT broker. */
export const finishedEventSchema = z.object({
  kind: z.literal('finished'),
  ...common,
  ...placed,
  attempt: z.int(),
  version: z.string().optional().describe('Of the worker that ran it.'),
  wee_id: idSchema,
  region: idSchema,
  started_at: epochMsSchema,
  outcome: z.enum(['succeeded', 'failed', 'cancelled']),
  output: jsonSchema.optional(),
  output_ref: outputRefSchema.optional().describe('In place of an output that is too large for a message.'),
  error: taskErrorSchema.optional(),
  announced: z.boolean(),
});

/** WEE: taken from the queue but not started (it was too late, cancelled, or not for this WEE). */
export const returnedEventSchema = z.object({
  kind: z.literal('returned'),
  ...common,
  reason: z.enum(['not_after', 'cancelled', 'voided', 'unknown_type', 'invalid']),
  epoch: heardEpoch,
});

export const taskEventSchema = z
  .discriminatedUnion('kind', [
    queuedEventSchema,
    waitingEventSchema,
    startedEventSchema,
    finishedEventSchema,
    returnedEventSchema,
  ])
  .meta({ id: 'TaskJournalEvent' });
export type TaskEvent = z.infer<typeof taskEventSchema>;
export type QueuedEvent = z.infer<typeof queuedEventSchema>;
export type WaitingEvent = z.infer<typeof waitingEventSchema>;
export type StartedEvent = z.infer<typeof startedEventSchema>;
export type FinishedEvent = z.infer<typeof finishedEventSchema>;
export type ReturnedEvent = z.infer<typeof returnedEventSchema>;

/**
 * Body of a message on the fanout `tenma.heartbeats`: WEE → every LE, every 5 s; proof that it consumes, not merely that
 * it lives. Over the same broker as its work: one that is cut off from it is lost, whatever it says elsewhere.
 */
export const heartbeatSchema = z
  .object({
    wee_id: idSchema,
    boot_id: z.string(),
    region: idSchema,
    at: epochMsSchema,
    running: z.array(taskIdSchema),
    awaits_epoch: z
      .boolean()
      .optional()
      .describe(
        'It may have missed a void, and starts nothing for `active` or `any` before LE has answered.',
      ),
    versions: z
      .array(versionReportSchema)
      .optional()
      .describe('Candidates that it has judged; repeated until the release says otherwise.'),
    pools: z.array(
      z.object({
        pool: idSchema,
        held: z.int(),
        running: z.int(),
        last_taken_queued_at: epochMsSchema.nullable().describe('`queued_at` of the task taken last.'),
      }),
    ),
  })
  .meta({ id: 'Heartbeat' });
export type Heartbeat = z.infer<typeof heartbeatSchema>;

/** Body of a message on `tenma.journal`: IC or WEE → LE. */
export const journalBatchSchema = z
  .object({
    from: z.string(),
    events: z.array(taskEventSchema),
  })
  .meta({ id: 'JournalBatch' });
export type JournalBatch = z.infer<typeof journalBatchSchema>;
