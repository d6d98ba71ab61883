import { z } from 'zod';
import { taskIdSchema } from './ids.ts';
import { placementSchema } from './task.ts';
import { taskStateSchema } from './task-state.ts';

/** Answer of `GET /api/v1/tasks/{id}/explanation`: for people; programs read the task. */
export const taskExplanationSchema = z
  .object({
    task_id: taskIdSchema,
    state: taskStateSchema,
    summary: z.string().describe('Where the task is, and why, in a sentence.'),
    lines: z.array(z.string()).describe('What that rests on, one thing a line.'),
    placement: placementSchema.nullable(),
  })
  .meta({ id: 'TaskExplanation' });
export type TaskExplanation = z.infer<typeof taskExplanationSchema>;
