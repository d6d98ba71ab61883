import {
  acceptedTaskSchema,
  type Json,
  presenceSchema,
  problemSchema,
  type Task,
  taskSchema,
  taskTypeSchema,
} from '@tenma/protocol';
import { z } from 'zod';

/** Caller-owned values come out of JSON.parse, so that they are JSON is known; walking them again would cost most. */
const parsedJson = z.custom<Json>((value) => value !== undefined);

export const taskReader: z.ZodType<Task> = taskSchema.extend({ input: parsedJson, output: parsedJson });

/** One answer a submission, in the order sent. */
export const batchReader = z.object({
  tasks: z.array(z.union([acceptedTaskSchema, z.object({ error: problemSchema })])),
});

export const taskPageReader = z.object({
  items: z.array(taskReader),
  next_page_token: z.string().nullable(),
});

export const taskTypesReader = z.object({ items: z.array(taskTypeSchema) });
export const workersReader = z.object({ items: z.array(presenceSchema) });

/** Workers of one kind in one region, and what waits for them. */
const poolSchema = z.object({
  region: z.string(),
  pool: z.string(),
  type: z.string(),
  labels: z.array(z.string()),
  slots: z.int(),
  running: z.int(),
  held: z.int(),
  queued: z.int().nullable(),
  backlog: z.int(),
  wees: z.array(z.string()),
});
export type Pool = z.infer<typeof poolSchema>;
export const poolsReader = z.object({ items: z.array(poolSchema) });

const checkSchema = z.object({ ok: z.boolean(), detail: z.string().optional() });
export const readinessReader = z.object({
  status: z.enum(['ready', 'not_ready']),
  checks: z.record(z.string(), checkSchema),
});
/** Whether LE can do its work, and which dependency keeps it from that. */
export type Readiness = z.infer<typeof readinessReader>;
