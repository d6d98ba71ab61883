import { z } from 'zod';
import { idSchema, timestampSchema } from './ids.ts';
import { versionSchema } from './version.ts';

/**
 * Which version of a task type is trusted, and which one is on trial. Kept by LE, one a type; the WEEs follow it, and
 * judge the candidate by what they see. A WEE that does not have the stable version runs the highest it has that is not
 * rejected.
 */
export const releaseSchema = z
  .object({
    type: idSchema,
    stable: versionSchema,
    candidate: versionSchema.nullable().describe('On trial beside the stable version.'),
    share: z
      .number()
      .min(0)
      .max(1)
      .describe('Of the attempts that the candidate could take, the part that it gets.'),
    since: timestampSchema.describe('When this trial began, or the last one ended.'),
    rejected: z.array(z.object({ version: versionSchema, reason: z.string(), at: timestampSchema })),
    hold: z
      .boolean()
      .describe('Newer versions that appear are not tried by themselves: somebody has rolled back by hand.'),
  })
  .meta({ id: 'Release' });
export type Release = z.infer<typeof releaseSchema>;

export const defaultShare = 0.1;

/** How a version of a type does in one WEE, since the WEE started or the version came. */
export const versionReportSchema = z
  .object({
    type: idSchema,
    version: versionSchema,
    role: z
      .enum(['stable', 'candidate', 'draining', 'rejected', 'idle'])
      .describe('`idle`: it is there and takes nothing.'),
    processes: z.int(),
    running: z.int(),
    runs: z.int().describe('Attempts that ended, without those that were cancelled.'),
    failures: z.int(),
    mean_ms: z.number().nullable().describe('Of the attempts that succeeded, the recent ones weighing most.'),
    shadows: z.int().describe('Tasks that it ran only to be compared.'),
    differences: z.int().describe('Of these, how many came out otherwise.'),
    verdict: z.enum(['trying', 'healthy', 'unhealthy']).nullable().describe('Of a candidate.'),
    since: timestampSchema
      .optional()
      .describe('Of the trial that the verdict is about, as its release names it.'),
    reason: z.string().nullable(),
  })
  .meta({ id: 'VersionReport' });
export type VersionReport = z.infer<typeof versionReportSchema>;

/** What there is to report of a version that takes nothing and never has. */
export const idleReport: Omit<VersionReport, 'type' | 'version'> = {
  role: 'idle',
  processes: 0,
  running: 0,
  runs: 0,
  failures: 0,
  mean_ms: null,
  shadows: 0,
  differences: 0,
  verdict: null,
  reason: null,
};

/** Body of `POST /api/v1/releases/{type}/update`. */
export const releaseUpdateSchema = z
  .strictObject({
    version: versionSchema,
    share: z.number().min(0.01).max(1).default(defaultShare),
  })
  .meta({ id: 'ReleaseUpdate' });
export type ReleaseUpdate = z.infer<typeof releaseUpdateSchema>;

/** Body of `POST /api/v1/releases/{type}/promote`. */
export const releasePromotionSchema = z
  .strictObject({
    version: versionSchema
      .optional()
      .describe('Nothing changes unless this one is on trial. Default: whichever is by then.'),
  })
  .meta({ id: 'ReleasePromotion' });
export type ReleasePromotion = z.infer<typeof releasePromotionSchema>;

/** Body of `POST /api/v1/releases/{type}/rollback`. */
export const releaseRollbackSchema = z
  .strictObject({
    version: versionSchema
      .optional()
      .describe(
        'To be rejected: nothing changes unless it is on trial or, without a trial, stable. Default: whichever is by then.',
      ),
    reason: z.string().min(1).max(500).default('rolled back by hand'),
  })
  .meta({ id: 'ReleaseRollback' });
export type ReleaseRollback = z.infer<typeof releaseRollbackSchema>;

/** A release with what every WEE says of each version it has. */
export const releaseViewSchema = releaseSchema
  .extend({ versions: z.array(versionReportSchema.extend({ wee_id: idSchema, region: idSchema })) })
  .meta({ id: 'ReleaseView' });
export type ReleaseView = z.infer<typeof releaseViewSchema>;
