import { z } from 'zod';
import { idSchema } from './ids.ts';
import { retryPolicySchema } from './task.ts';

/** A JSON Schema 2020-12 document, as data. */
export const jsonSchemaDocument = z.record(z.string(), z.unknown());

/** A worker's announcement of what it runs; LE checks inputs against it before it accepts a task. */
export const taskTypeSchema = z
  .object({
    type: idSchema,
    version: z.string().regex(/^\d+\.\d+\.\d+/, 'a semantic version'),
    description: z.string(),
    input_schema: jsonSchemaDocument,
    output_schema: jsonSchemaDocument,
    timeout_ms: z.int(),
    retry: retryPolicySchema,
    cost: z.enum(['light', 'medium', 'heavy']),
    example: z.unknown().optional().describe('An input that works, for forms and help.'),
  })
  .meta({ id: 'TaskType' });
export type TaskType = z.infer<typeof taskTypeSchema>;
