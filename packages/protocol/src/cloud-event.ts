import { z } from 'zod';
import { outputRefSchema } from './blob.ts';
import { taskErrorSchema } from './errors.ts';
import { idSchema, jsonSchema, taskIdSchema, timestamp, timestampSchema } from './ids.ts';
import { taskStateSchema } from './task-state.ts';

/** CloudEvents 1.0, structured JSON: the payload of every MQTT message. */
export function cloudEventSchema<Data extends z.ZodType>(data: Data) {
  return z.object({
    specversion: z.literal('1.0'),
    id: z.string().describe('Unique to the event; drop duplicates by it.'),
    source: z.string(),
    type: z.string(),
    subject: z.string(),
    time: timestampSchema,
    datacontenttype: z.literal('application/json'),
    data,
  });
}

export interface CloudEvent<Data> {
  specversion: '1.0';
  id: string;
  source: string;
  type: string;
  subject: string;
  time: string;
  datacontenttype: 'application/json';
  data: Data;
}

/** `data` of a task's `result`: how it ended. Every end is announced once or more with the same event id. */
export const resultSchema = z
  .object({
    task_id: taskIdSchema,
    type: idSchema,
    region: z.string(),
    state: z.enum(['succeeded', 'failed', 'cancelled', 'expired']),
    attempt: z.int(),
    revision: z
      .int()
      .describe("The record's revision when the attempt was sent out, or at its end; REST wins."),
    output: jsonSchema.optional(),
    output_ref: outputRefSchema.optional(),
    error: taskErrorSchema.optional(),
    worker: z.string().nullable(),
    started_at: timestampSchema.nullable(),
    finished_at: timestampSchema,
  })
  .meta({ id: 'TaskResult' });
export type TaskResult = z.infer<typeof resultSchema>;

/** `data` of a task's `progress`: what the worker reported. QoS 0. */
export const progressSchema = z
  .object({
    task_id: taskIdSchema,
    type: idSchema,
    region: z.string(),
    attempt: z.int(),
    sequence: z.int().describe('From 1 within the attempt; gaps are lost messages.'),
    progress: jsonSchema,
  })
  .meta({ id: 'TaskProgress' });
export type TaskProgress = z.infer<typeof progressSchema>;

/** `data` of a task's `state`: a change that is not an end. */
export const stateChangeSchema = z
  .object({
    task_id: taskIdSchema,
    type: idSchema,
    region: z.string(),
    state: taskStateSchema,
    attempt: z.int(),
    revision: z.int(),
    reason: z.string().nullable(),
  })
  .meta({ id: 'TaskStateChange' });
export type TaskStateChange = z.infer<typeof stateChangeSchema>;

interface EventParts<Data> {
  id: string;
  source: string;
  /** Without prefix and version: `task.succeeded` becomes `tenma.task.succeeded.v1`. */
  name: string;
  subject: string;
  at: number;
  data: Data;
}

export function cloudEvent<Data>({
  id,
  source,
  name,
  subject,
  at,
  data,
}: EventParts<Data>): CloudEvent<Data> {
  return {
    specversion: '1.0',
    id,
    source,
    type: `tenma.${name}.v1`,
    subject,
    time: timestamp(at),
    datacontenttype: 'application/json',
    data,
  };
}

/**
 * One id for an end of a task, whoever announces it and however often. Dispatches are counted through all the lives of
 * a task: one that is retried by hand ends under another id.
 */
export function resultEvent(
  source: string,
  result: TaskResult,
  { dispatchNo, at }: { dispatchNo: number; at: number },
): CloudEvent<TaskResult> {
  const id = `${result.task_id}/${dispatchNo}/${result.state}`;
  return cloudEvent({ id, source, name: `task.${result.state}`, subject: result.task_id, at, data: result });
}
