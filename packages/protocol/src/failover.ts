import { z } from 'zod';
import { idSchema, timestampSchema } from './ids.ts';
import { opinionSchema } from './geo.ts';

const reason = z.string().trim().min(1).max(500);

/** Body of `POST /api/geo/failover`. */
export const failoverRequestSchema = z
  .strictObject({
    from_region: idSchema,
    to_region: idSchema.optional().describe('Default: chosen by `prefer`.'),
    prefer: z.enum(['priority', 'nearest']).default('priority').describe('How a target is chosen.'),
    reason: reason.default('region_unavailable'),
    triggered_by: reason.default('operator'),
    dry_run: z.boolean().default(false).describe('Say what would happen, change nothing.'),
  })
  .meta({ id: 'FailoverRequest' });
export type FailoverRequest = z.infer<typeof failoverRequestSchema>;

/** What the fresh probe of one node said while a failover was being confirmed. */
export const confirmationSchema = z.object({
  node_id: idSchema,
  region_id: idSchema,
  verdict: z.enum(['up', 'down']),
  reason: z.string().nullable(),
});
export type Confirmation = z.infer<typeof confirmationSchema>;

/** Who saw what: why a failover happened, or did not. */
export const failoverEvidenceSchema = z
  .object({
    nodes: z
      .array(z.object({ node_id: idSchema, status: z.string(), observers: z.array(opinionSchema) }))
      .describe('Nodes of the region that was left, as their observers saw them. At most 50.'),
    confirmations: z.array(confirmationSchema).describe('Fresh probes made for this failover.'),
    confirmed_from: idSchema.nullable().describe('The region whose worker made them.'),
    rejected: z.array(z.object({ region_id: idSchema, reason: z.string() })).describe('Targets passed over.'),
    task_id: z.string().nullable().describe('The `region-failover` task, where there was one.'),
  })
  .meta({ id: 'FailoverEvidence' });
export type FailoverEvidence = z.infer<typeof failoverEvidenceSchema>;

export const failoverEventSchema = z
  .object({
    event_id: z.uuid(),
    kind: z
      .enum(['failover', 'activation'])
      .describe('`activation`: the active region was set by hand, which knows no cool-down.'),
    from_region: idSchema,
    to_region: idSchema,
    timestamp: timestampSchema,
    reason: z.string(),
    triggered_by: z.string(),
    success: z.boolean(),
    dry_run: z.boolean(),
    automatic: z.boolean(),
    epoch: z.int().describe('That it set, or that stood when it changed nothing.'),
    detected_at: timestampSchema.nullable().describe('When the region went offline.'),
    replaced_tasks: z.int().describe('Not-started tasks of the lost region that were placed anew.'),
    evidence: failoverEvidenceSchema,
  })
  .meta({ id: 'FailoverEvent' });
export type FailoverEvent = z.infer<typeof failoverEventSchema>;

export const failoverResponseSchema = z
  .object({
    status: z.enum(['failover_executed', 'failover_planned']).describe('`failover_planned` for a dry run.'),
    event: failoverEventSchema,
  })
  .meta({ id: 'FailoverResponse' });
export type FailoverResponse = z.infer<typeof failoverResponseSchema>;

/** The task type whose results are proposals to move `active`. */
export const failoverType = 'region-failover';

/** Input of the `region-failover` task. */
export const failoverTaskInputSchema = z
  .strictObject({
    from_region: idSchema,
    to_region: idSchema.optional(),
    prefer: z.enum(['priority', 'nearest']).default('priority'),
    reason: reason.default('region_health_check_failed'),
    triggered_by: reason.default('health_monitor'),
    dry_run: z.boolean().default(false),
    detected_at: timestampSchema.optional(),
    /** LE fills these in when it submits the task; a user may leave them out: then nothing is probed. */
    lost: z
      .array(
        z.strictObject({
          node_id: idSchema,
          probe_type: idSchema,
          probe_input: z.record(z.string(), z.unknown()),
        }),
      )
      .max(50)
      .default([])
      .describe('Nodes of `from_region` to be probed once more.'),
    confirm_timeout_ms: z.int().min(50).max(60_000).default(3_000),
  })
  .meta({ id: 'FailoverTaskInput' });
export type FailoverTaskInput = z.infer<typeof failoverTaskInputSchema>;

/** Output of the `region-failover` task: evidence and a proposal. LE decides, by the epoch. */
export const failoverTaskOutputSchema = z
  .object({
    proposal: z.enum(['fail_over', 'stay']).describe('`stay`: a majority of the nodes answered after all.'),
    from_region: idSchema,
    to_region: idSchema.nullable(),
    confirmed_from: idSchema,
    confirmations: z.array(confirmationSchema),
  })
  .meta({ id: 'FailoverTaskOutput' });
export type FailoverTaskOutput = z.infer<typeof failoverTaskOutputSchema>;
