import { paces, presets } from '@tenma/geo';
import { type NewRegion, newRegionSchema, regionIdSchema } from '@tenma/protocol';
import { z } from 'zod';
import { sourceRegions } from './first-documents.ts';
import type { GeoSettings } from './settings.ts';

const flag = z.enum(['true', 'false']).transform((text) => text === 'true');
const seconds = z.coerce.number().min(0);

/** A region in full, or one of the well-known ones by its id. */
const knownRegion = z
  .strictObject({ id: regionIdSchema, priority: z.int().min(1).max(1_000).optional() })
  .transform(({ id, priority }, context): NewRegion => {
    const known = sourceRegions.find((region) => region.region_id === id);
    if (known) return { ...known, priority: priority ?? known.priority };
    const names = sourceRegions.map((region) => region.region_id).join(', ');
    context.addIssue({ code: 'custom', message: `${id} is none of ${names}: write it with its location` });
    return z.NEVER;
  });

/** By the schema that it is meant for, so that a fault says more than that it is neither. */
const listedRegion = z.unknown().transform((value, context): NewRegion => {
  const byId = typeof value === 'object' && value !== null && 'id' in value;
  const parsed = (byId ? knownRegion : newRegionSchema).safeParse(value);
  if (parsed.success) return parsed.data;
  for (const { path, message } of parsed.error.issues) context.addIssue({ code: 'custom', path, message });
  return z.NEVER;
});

const regionList = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: 'custom', message: 'must be a JSON array of regions' });
      return z.NEVER;
    }
  })
  .pipe(z.array(listedRegion).min(1).superRefine(eachOnce));

function eachOnce(regions: readonly NewRegion[], context: z.core.$RefinementCtx): void {
  const seen = new Set<string>();
  for (const [index, { region_id: id }] of regions.entries()) {
    if (seen.has(id)) {
      context.addIssue({ code: 'custom', path: [index], message: `names a region twice: ${id}` });
    }
    seen.add(id);
  }
}

/** Settings of LE for its regions, as `npm start` and the service share them. */
export const geoFields = {
  GEO_ENABLED: flag
    .default(true)
    .describe('`false`: no probes, verdicts and automatic failovers; the registry stays. Default: `true`.'),
  GEO_PRESET: z
    .enum(presets)
    .default('default')
    .describe(
      'Pace of the health checks: `default` (10 s in the active region, 30 s elsewhere) or `fast` (1 s).',
    ),
  HEALTH_CHECK_INTERVAL_SECONDS: seconds
    .min(0.2)
    .optional()
    .describe(
      'Instead of the pace of the preset, for nodes that say nothing else; the active region is never slower.',
    ),
  HEALTH_OBSERVERS: z.coerce
    .number()
    .int()
    .min(1)
    .max(5)
    .optional()
    .describe('Regions that look at a node. Default: 3.'),
  DEFAULT_REGIONS: regionList
    .optional()
    .describe(
      'Registered on first start: JSON array of `{"id", "priority"}` or of whole regions. Default: five regions.',
    ),
  AUTO_FAILOVER: flag
    .default(true)
    .describe('Whether the policy `auto-failover` is enabled on first start. Default: `true`.'),
  REPLICATION_GROUP_SIZE: z.coerce
    .number()
    .int()
    .min(1)
    .max(100)
    .default(2)
    .describe('Targets in a replication group.'),
  FAILOVER_COOLDOWN_SECONDS: seconds
    .default(300)
    .describe('After a failover the next one is refused for this long.'),
  LATENCY_INTERVAL_SECONDS: seconds
    .min(1)
    .max(300)
    .default(60)
    .describe('Between two rounds of latency probes of a region; what was measured counts for 15 min.'),
  TASK_RETENTION_HOURS: z.coerce
    .number()
    .positive()
    .default(168)
    .describe('Ended tasks are kept this long; probes of nodes ten minutes.'),
};

type GeoConfig = z.infer<z.ZodObject<typeof geoFields>>;

export function geoSettings(config: GeoConfig, firstActive: string): GeoSettings {
  const pace = paces[config.GEO_PRESET];
  const { HEALTH_CHECK_INTERVAL_SECONDS: interval, HEALTH_OBSERVERS: observers = pace.observers } = config;
  const intervalMs = interval === undefined ? pace.intervalMs : Math.round(interval * 1_000);
  return {
    enabled: config.GEO_ENABLED,
    pace: { ...pace, intervalMs, activeIntervalMs: Math.min(pace.activeIntervalMs, intervalMs), observers },
    defaultRegions: config.DEFAULT_REGIONS ?? sourceRegions,
    firstActive,
    autoFailover: config.AUTO_FAILOVER,
    replicationGroupSize: config.REPLICATION_GROUP_SIZE,
    cooldownMs: config.FAILOVER_COOLDOWN_SECONDS * 1_000,
    latencyIntervalMs: config.LATENCY_INTERVAL_SECONDS * 1_000,
    taskRetentionMs: config.TASK_RETENTION_HOURS * 3_600_000,
  };
}
