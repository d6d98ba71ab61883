import { z } from 'zod';
import { idSchema } from './ids.ts';
import { retryPolicySchema } from './retry-policy.ts';
import { versionSchema } from './version.ts';

/** A JSON Schema 2020-12 document, as data. */
export const jsonSchemaDocument = z.record(z.string(), z.unknown());

/** What an attempt waits for, and so how many fit into a process side by side: sockets, some computing, a whole core. */
export const costClasses = ['light', 'medium', 'heavy'] as const;
export type CostClass = (typeof costClasses)[number];

/** A worker process holds this many slots; an attempt takes some of them for as long as it runs. */
export const slotsOfProcess = 100;

/** Slots that one attempt of the class takes. */
export const slotsOfClass = { light: 1, medium: 10, heavy: slotsOfProcess } as const satisfies Record<
  CostClass,
  number
>;

/** Milliseconds that an attempt of the class is taken to run until it has been measured. */
export const assumedMsOfClass = { light: 50, medium: 500, heavy: 5_000 } as const satisfies Record<
  CostClass,
  number
>;

export const slotsSchema = z.int().min(1).max(slotsOfProcess);

/** `by_input`: the worker says how many slots an input takes. */
export const costSchema = z.union([z.enum(costClasses), slotsSchema, z.literal('by_input')]);
export type Cost = z.infer<typeof costSchema>;

/** Slots of an attempt, as far as its type says; one of `by_input` counts as medium until it is asked. */
export function slotsOf(cost: Cost): number {
  if (typeof cost === 'number') return cost;
  return slotsOfClass[cost === 'by_input' ? 'medium' : cost];
}

export function assumedMsOf(cost: Cost): number {
  return assumedMsOfClass[typeof cost === 'number' || cost === 'by_input' ? 'medium' : cost];
}

/** How many tasks may run at once, and how many may start in a second, in the whole fabric. */
export const rateLimitSchema = z
  .strictObject({
    per_s: z.number().positive().max(1_000_000).optional().describe('Starts in a second, on average.'),
    concurrent: z.int().min(1).max(1_000_000).optional().describe('Sent out and not ended.'),
  })
  .meta({ id: 'RateLimit' });
export type RateLimit = z.infer<typeof rateLimitSchema>;

/** A worker's announcement of what it runs; LE checks inputs against it before it accepts a task. */
export const taskTypeSchema = z
  .object({
    type: idSchema,
    version: versionSchema,
    description: z.string(),
    input_schema: jsonSchemaDocument,
    output_schema: jsonSchemaDocument,
    timeout_ms: z.int(),
    retry: retryPolicySchema,
    cost: costSchema,
    slots: z.int().min(1).optional().describe('Slots of its attempts at once in one WEE, at most.'),
    requires: z.array(idSchema).optional().describe('Labels without which a WEE does not run it.'),
    limit: rateLimitSchema.optional(),
    isolation: z.enum(['process', 'thread']).optional().describe('Default `process`.'),
    shadow: z
      .boolean()
      .optional()
      .describe('It only observes: while it is updated, a task may run on both versions.'),
    example: z.unknown().optional().describe('An input that works, for forms and help.'),
  })
  .meta({ id: 'TaskType' });
export type TaskType = z.infer<typeof taskTypeSchema>;
