import { z } from 'zod';
import { idSchema, jsonSchema, timestampSchema } from './ids.ts';
import { limits } from './limits.ts';
import { scheduledTaskSchema } from './schedule.ts';

/** What a policy can wait for, with the fields of each event that `where` and `{…}` may name. */
export const policyEvents = {
  'region.status': ['region_id', 'status', 'previous', 'active', 'reason'],
  'node.status': ['node_id', 'region_id', 'status', 'previous', 'node_type', 'endpoint', 'reason'],
  'task.finished': ['task_id', 'type', 'state', 'region', 'error_code'],
  'failover.executed': ['event_id', 'from_region', 'to_region', 'epoch', 'automatic'],
} as const satisfies Record<string, readonly string[]>;
export type PolicyEventName = keyof typeof policyEvents;

export interface PolicyEvent {
  readonly name: PolicyEventName;
  /** Unique to the event: a policy acts once on it, however often it is told. */
  readonly id: string;
  readonly at: number;
  readonly fields: Readonly<Record<string, string | number | boolean | null>>;
}

const policyFields = z.strictObject({
  policy_id: idSchema,
  when: z.strictObject({
    event: z.enum(Object.keys(policyEvents) as [PolicyEventName, ...PolicyEventName[]]),
    where: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
      .default({})
      .describe('Fields of the event that must have these values.'),
  }),
  then: scheduledTaskSchema.describe('Texts in its input and labels may hold {field} of the event.'),
  cooldown_ms: z
    .int()
    .min(0)
    .max(86_400_000)
    .default(0)
    .describe('At least this long between two of its tasks.'),
  enabled: z.boolean().default(true),
});

/**
 * Body of `POST /api/v1/policies`: when … then submit task …. The task gets a label besides its own, by which a policy
 * is kept from acting on what it has led to itself.
 */
export const newPolicySchema = policyFields
  .refine(({ then }) => Object.keys(then.labels ?? {}).length < limits.labels, {
    error: `at most ${limits.labels - 1} labels: the task gets one more, which names the policies that led to it`,
    path: ['then', 'labels'],
  })
  .meta({ id: 'NewPolicy' });
export type NewPolicy = z.infer<typeof newPolicySchema>;

export const policySchema = policyFields
  .required()
  .extend({
    built_in: z.boolean(),
    last_task_id: z.string().nullable(),
    last_acted_at: timestampSchema.nullable(),
    last_problem: jsonSchema.nullable().describe('Why its last task was refused.'),
    created_at: timestampSchema,
    updated_at: timestampSchema,
  })
  .meta({ id: 'Policy' });
export type Policy = z.infer<typeof policySchema>;

export const policyPatchSchema = z
  .strictObject({ enabled: z.boolean().optional(), cooldown_ms: z.int().min(0).max(86_400_000).optional() })
  .meta({ id: 'PolicyPatch' });
export type PolicyPatch = z.infer<typeof policyPatchSchema>;

/** The policy that the source asks for: an active region that goes offline is failed over. */
export const autoFailoverPolicyId = 'auto-failover';
