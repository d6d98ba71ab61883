import { z } from 'zod';
import { taskErrorSchema } from './errors.ts';
import { type Json, idSchema, jsonSchema, regionChoiceSchema, taskIdSchema, timestampSchema } from './ids.ts';
import { defaults, limits } from './limits.ts';
import { outputRefSchema } from './blob.ts';
import { problemSchema } from './problem.ts';
import { retryPolicySchema } from './retry-policy.ts';
import { rateLimitSchema, slotsSchema } from './task-type.ts';
import { versionRangeSchema } from './version.ts';
import { taskStateSchema } from './task-state.ts';

const durationMs = z
  .int()
  .min(1)
  .max(7 * 24 * 3_600_000);

export const labelsSchema = z
  .record(z.string().min(1).max(63), z.string().max(255))
  .refine((labels) => Object.keys(labels).length <= limits.labels, `at most ${limits.labels} labels`);

/** What a worker must have to run the task. */
export const requiresSchema = z
  .strictObject({
    labels: z.array(idSchema).max(16).optional().describe('All of them.'),
    regions: z.array(idSchema).min(1).max(50).optional().describe('For `any`: one of these.'),
    version: versionRangeSchema.optional().describe('Of the worker, such as `^1.2`.'),
    wee: idSchema.optional().describe('This WEE and no other.'),
  })
  .meta({ id: 'Requires' });
export type Requires = z.infer<typeof requiresSchema>;

/** Tasks with the same key share a limit, whatever their types; the numbers that came last count. */
export const limitSchema = rateLimitSchema
  .extend({ key: z.string().min(1).max(200).describe('Such as a customer, or a target.') })
  .refine(({ per_s, concurrent }) => per_s !== undefined || concurrent !== undefined, {
    error: 'per_s or concurrent is needed',
  })
  .meta({ id: 'TaskLimit' });
export type TaskLimit = z.infer<typeof limitSchema>;

export const idempotencyKeySchema = z.string().min(1).max(255);

/** Body of `POST /api/v1/tasks`, and each item of a batch. */
export const submissionSchema = z
  .strictObject({
    type: idSchema.describe('The task type; GET /api/v1/task-types lists them.'),
    input: jsonSchema
      .optional()
      .describe("Checked against the type's JSON Schema before the task is accepted."),
    region: regionChoiceSchema.default('active'),
    priority: z.int().min(0).max(9).default(defaults.priority).describe('9 goes first.'),
    run_at: timestampSchema.optional().describe('Not before this moment.'),
    timeout_ms: durationMs.optional().describe('For one attempt.'),
    queue_timeout_ms: durationMs.optional().describe('From due to started.'),
    total_timeout_ms: durationMs.optional().describe('From due to finished, all attempts.'),
    deadline: timestampSchema.optional().describe('Finished by then, or `expired`.'),
    retry: retryPolicySchema.partial().optional(),
    requires: requiresSchema.optional(),
    cost: slotsSchema.optional().describe('Slots that an attempt takes; else the type says.'),
    near: idSchema
      .optional()
      .describe('The region that the task deals with: for `any`, the round trip to it counts.'),
    limit: limitSchema.optional(),
    idempotency_key: idempotencyKeySchema.optional(),
    labels: labelsSchema.optional(),
  })
  .meta({ id: 'TaskSubmission' });
export type Submission = z.infer<typeof submissionSchema>;
/** What a caller writes: defaults may be left out. */
export type SubmissionInput = z.input<typeof submissionSchema>;

/** Where IC decided a task should run, and why not elsewhere. */
export const placementSchema = z
  .object({
    region: idSchema,
    pool: z.string(),
    wee: idSchema.optional().describe('The WEE that the task was addressed to.'),
    score: z.number().describe('Milliseconds: the sum of the parts; lower is better.'),
    parts: z
      .object({
        wait_ms: z.number().describe('Expected wait: backlog × mean cost ÷ capacity.'),
        round_trip_ms: z.number().nullable().describe('To the region that the task deals with.'),
        penalty_ms: z.number().describe('For a region that is not well.'),
      })
      .optional(),
    rejected: z.array(
      z.object({
        pool: z.string(),
        reason: z.string(),
        score: z.number().optional().describe('Of one that could have run it.'),
      }),
    ),
  })
  .meta({ id: 'Placement' });
export type Placement = z.infer<typeof placementSchema>;

/** A task as the API shows it. Fields that do not apply yet are null. */
export const taskSchema = z
  .object({
    id: taskIdSchema,
    type: idSchema,
    state: taskStateSchema,
    reason: z.string().nullable().describe('Why it waits, retries or ended as it did.'),
    region: regionChoiceSchema.describe('As submitted; `placement.region` says where it went.'),
    priority: z.int(),
    labels: labelsSchema,
    requires: requiresSchema,
    input: jsonSchema,
    output: jsonSchema.nullable(),
    output_ref: outputRefSchema.nullable().optional().describe('Where an output over 256 KiB is.'),
    error: taskErrorSchema.nullable(),
    near: idSchema.nullable().optional(),
    limit: limitSchema.nullable().optional(),
    placement: placementSchema.nullable(),
    worker: z.string().nullable().describe('The WEE that ran or runs it.'),
    worker_version: z.string().nullable().optional().describe('Of the worker that ran the last attempt.'),
    attempt: z.int().describe('Attempts started so far.'),
    max_attempts: z.int(),
    timeout_ms: z.int(),
    cancel_requested: z.boolean(),
    idempotency_key: z.string().nullable(),
    created_at: timestampSchema,
    run_at: timestampSchema.nullable(),
    queued_at: timestampSchema.nullable(),
    started_at: timestampSchema.nullable().describe('Of the latest attempt.'),
    finished_at: timestampSchema.nullable(),
    next_attempt_at: timestampSchema.nullable(),
    expires_at: timestampSchema
      .nullable()
      .describe('When it ends as expired: not started by then, or, once it runs, not finished.'),
    revision: z.int().describe('Grows with every change of the record.'),
    links: z.object({ self: z.string(), events: z.string(), topic: z.string().nullable() }),
  })
  .meta({ id: 'Task' });
export type Task = z.infer<typeof taskSchema>;

export const batchRequestSchema = z
  .strictObject({ tasks: z.array(z.unknown()).min(1).max(limits.batchTasks) })
  .meta({ id: 'TaskBatch', description: 'Each item is a TaskSubmission, judged on its own.' });

/** The short form of a task: what a 202 carries and a batch answers for each item. */
export const acceptedTaskSchema = z
  .object({
    id: taskIdSchema,
    state: taskStateSchema,
    type: idSchema,
    region: regionChoiceSchema,
    created_at: timestampSchema,
    links: z.object({ self: z.string(), events: z.string() }),
  })
  .meta({ id: 'AcceptedTask' });
export type AcceptedTask = z.infer<typeof acceptedTaskSchema>;

/** Answers stand in the order of the request. */
export const batchResponseSchema = z
  .object({ tasks: z.array(z.union([acceptedTaskSchema, z.object({ error: problemSchema })])) })
  .meta({ id: 'TaskBatchResponse' });
export type BatchResponse = z.infer<typeof batchResponseSchema>;

export type TaskInput = Json;
