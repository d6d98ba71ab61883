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
