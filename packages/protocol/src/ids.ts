import { z } from 'zod';

/**
 * Every identifier that can reach a topic or a queue name: lower case, no dots (a broker that maps `/` to `.`
 * would split it), at most 63 characters.
 */
export const idSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'must match ^[a-z0-9][a-z0-9_-]{0,62}$')
  .meta({ id: 'Id', examples: ['ap-northeast-1'] });

/** A task's id: UUIDv7, so ids sort by the time they were made. */
export const taskIdSchema = z
  .uuid({ version: 'v7' })
  .meta({ id: 'TaskId', examples: ['01990b4c-6f2a-7cc3-9d5e-0f6d2f1a7b10'] });

/** What a submission may name as its region: a region's id, the active region, or any region. */
export const regionChoiceSchema = z
  .union([z.literal('active'), z.literal('any'), idSchema])
  .meta({ id: 'RegionChoice', description: 'A region id, `active` (the default) or `any`.' });

/** RFC 3339 in UTC with milliseconds; how times stand on HTTP and MQTT. AMQP carries Unix milliseconds. */
export const timestampSchema = z.iso.datetime({ offset: true }).meta({ id: 'Timestamp' });

/** Unix milliseconds; how times stand on AMQP and in the store. */
export const epochMsSchema = z.int().nonnegative();

/** Any JSON value a caller owns: inputs, outputs, progress. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
/** Not walked: what comes out of JSON.parse is JSON. */
export const jsonSchema = z.unknown().meta({ description: 'Any JSON value.' }) as z.ZodType<Json>;

export function timestamp(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
