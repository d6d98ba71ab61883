import type { Json } from './ids.ts';

/**
 * About how many bytes a value takes as JSON, without making the text: strings by their length, everything else by a
 * small constant. Close enough to cut messages by; limits are checked on the text itself.
 */
export function roughJsonBytes(value: Json | undefined): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value !== 'object' || value === null) return 8;
  let bytes = 2;
  if (Array.isArray(value)) for (const item of value) bytes += roughJsonBytes(item) + 1;
  else for (const key in value) bytes += key.length + 4 + roughJsonBytes(value[key]);
  return bytes;
}

/** Whether a value is nested deeper than `levels`; looks no further than that, whatever comes. */
export function isDeeperThan(value: Json, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  for (const item of Object.values(value)) if (isDeeperThan(item, levels - 1)) return true;
  return false;
}
