import { z } from 'zod';
import { idSchema, timestampSchema } from './ids.ts';
import { submissionSchema } from './task.ts';

/** What a schedule submits; when is the schedule's own business. */
export const scheduledTaskSchema = submissionSchema
  .omit({ run_at: true, deadline: true, idempotency_key: true })
  .meta({ id: 'ScheduledTask' });
export type ScheduledTask = z.infer<typeof scheduledTaskSchema>;

/** Body of `POST /api/v1/schedules`. Exactly one of `every_ms` and `cron`. */
export const newScheduleSchema = z
  .strictObject({
    schedule_id: idSchema,
    task: scheduledTaskSchema,
    every_ms: z
      .int()
      .min(200)
      .max(31_536_000_000)
      .optional()
      .describe('Slots start at its multiples since 1970.'),
    cron: z.string().max(200).optional().describe('Five or six fields, in `timezone`.'),
    timezone: z.string().max(64).default('UTC'),
    splay_ms: z
      .int()
      .min(0)
      .max(3_600_000)
      .default(0)
      .describe('Slots are put off by a time below this, always the same for one schedule.'),
    paused: z.boolean().default(false),
    expire: z
      .boolean()
      .default(true)
      .describe('A task that has not ended when its next slot starts ends as `expired`.'),
  })
  .refine((schedule) => (schedule.every_ms === undefined) !== (schedule.cron === undefined), {
    error: 'exactly one of every_ms and cron is needed',
    path: ['every_ms'],
  })
  .meta({ id: 'NewSchedule' });
export type NewSchedule = z.infer<typeof newScheduleSchema>;

export const scheduleSchema = z
  .object({
    schedule_id: idSchema,
    task: scheduledTaskSchema,
    every_ms: z.int().nullable(),
    cron: z.string().nullable(),
    timezone: z.string(),
    splay_ms: z.int(),
    paused: z.boolean(),
    expire: z.boolean(),
    next_slot_at: timestampSchema.nullable(),
    created_at: timestampSchema,
    updated_at: timestampSchema,
  })
  .meta({ id: 'Schedule' });
export type Schedule = z.infer<typeof scheduleSchema>;

/** Body of `PATCH /api/v1/schedules/{schedule_id}`. */
export const schedulePatchSchema = z
  .strictObject({ paused: z.boolean().optional(), task: scheduledTaskSchema.optional() })
  .meta({ id: 'SchedulePatch' });
export type SchedulePatch = z.infer<typeof schedulePatchSchema>;

/** Who submits the probes that `observe` makes. Their records are kept for a short time only. */
export const observePrincipal = 'observe';
/** Labels on a probe of a node: which node, and from where it is seen. */
export const probeLabels = { node: 'tenma-node' } as const;
