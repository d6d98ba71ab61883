import { z } from 'zod';
import { idSchema, timestampSchema } from './ids.ts';
import { versionReportSchema } from './release.ts';
import { taskTypeSchema } from './task-type.ts';
import { versionSchema } from './version.ts';

/** One pool as one WEE serves it. WEEs that share a pool share its queue. */
export const poolPresenceSchema = z
  .object({
    pool: idSchema.describe('Type, major version of its schemas, label class.'),
    type: idSchema,
    version: versionSchema.describe('The one that runs most of its tasks.'),
    labels: z.array(idSchema),
    queue: z.string().describe('Where IC publishes; announced, never built by IC.'),
    urgent_queue: z.string().optional().describe('Where tasks above the default priority go.'),
    slots: z.int().describe('What its attempts can take at once in this WEE.'),
    cost: z.number().optional().describe('Slots of one of its attempts, on average.'),
    busy: z.int().optional().describe('Slots taken.'),
    running: z.int().describe('Attempts.'),
    held: z.int().describe('Taken from the queue and not started.'),
    mean_ms: z
      .number()
      .nullable()
      .optional()
      .describe('What an attempt of the version took of late; null until one has ended.'),
  })
  .meta({ id: 'PoolPresence' });
export type PoolPresence = z.infer<typeof poolPresenceSchema>;

export const weeStatuses = ['online', 'draining', 'offline'] as const;

/** Who a WEE is and what it can run: retained on its own topic, sent on every connect and every 5 s. */
export const presenceSchema = z
  .object({
    wee_id: idSchema,
    boot_id: z.string().describe('New at each start; a will with another boot id is stale.'),
    region: idSchema,
    status: z.enum(weeStatuses),
    labels: z.array(idSchema),
    version: z.string(),
    since: timestampSchema,
    pools: z.array(poolPresenceSchema),
    types: z.array(taskTypeSchema).describe('All versions of all types that it has loaded.'),
    versions: z.array(versionReportSchema).optional(),
    queue: z.string().optional().describe('For what is addressed to this WEE alone.'),
    echo: z
      .string()
      .nullable()
      .describe('`host:port` where others measure the round trip to it; null: nowhere.'),
  })
  .meta({ id: 'Presence' });
export type Presence = z.infer<typeof presenceSchema>;

/** The will, and the goodbye. */
export const offlineSchema = z
  .object({ wee_id: idSchema, boot_id: z.string(), region: idSchema, status: z.literal('offline') })
  .meta({ id: 'Offline' });
export type Offline = z.infer<typeof offlineSchema>;

export const presenceMessageSchema = z.union([presenceSchema, offlineSchema]);
