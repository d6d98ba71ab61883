import {
  idSchema,
  limits,
  regionChoiceSchema,
  taskIdSchema,
  type TaskState,
  taskStateSchema,
} from '@tenma/protocol';
import type { TaskFilter } from '@tenma/store';
import { z } from 'zod';
import { ProblemError } from './problem-reply.ts';

/** Query of `GET /api/v1/tasks`. */
export const listQuerySchema = z.strictObject({
  state: z.string().optional().describe('One or more states, comma-separated.'),
  type: idSchema.optional(),
  region: regionChoiceSchema.optional().describe('As submitted.'),
  label: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .describe('key:value; repeat for several, all of which must match.'),
  created_after: z.iso.datetime({ offset: true }).optional(),
  created_before: z.iso.datetime({ offset: true }).optional(),
  page_size: z.coerce.number().int().min(1).max(limits.pageSizeMax).default(limits.pageSizeDefault),
  page_token: z.union([z.literal(''), taskIdSchema], 'is no page token of this list').optional(),
});
export type ListQuery = z.infer<typeof listQuerySchema>;

/** @throws ProblemError that points at the field */
export function filterOf(query: ListQuery): TaskFilter {
  const labels = query.label === undefined ? [] : [query.label].flat().map(labelIn);
  return {
    ...(query.state === undefined ? {} : { states: query.state.split(',').map(stateIn) }),
    ...(query.type === undefined ? {} : { type: query.type }),
    ...(query.region === undefined ? {} : { region: query.region }),
    ...(labels.length === 0 ? {} : { labels: Object.fromEntries(labels) }),
    ...(query.created_after === undefined ? {} : { createdAfter: Date.parse(query.created_after) }),
    ...(query.created_before === undefined ? {} : { createdBefore: Date.parse(query.created_before) }),
  };
}

function stateIn(text: string): TaskState {
  const parsed = taskStateSchema.safeParse(text.trim());
  if (parsed.success) return parsed.data;
  throw fault('state', `one of ${taskStateSchema.options.join(', ')}`);
}

function labelIn(text: string): [key: string, value: string] {
  if (/\p{Cc}/u.test(text)) throw fault('label', 'must not contain control characters');
  const colon = text.indexOf(':');
  if (colon < 1) throw fault('label', 'must be key:value');
  return [text.slice(0, colon), text.slice(colon + 1)];
}

function fault(field: string, detail: string): ProblemError {
  return new ProblemError('invalid_request', { errors: [{ pointer: `#/${field}`, detail }] });
}
