import type { Json } from '@tenma/protocol';

export type JsonValue =
  | { fault: 'none'; value: Json }
  | { fault: 'not_json'; why: string }
  | { fault: 'too_large'; bytes: number };

/**
 * A value as it will arrive: undefined becomes null, dates text, fields that are undefined go. BigInt, cycles and
 * functions are not JSON. `limitBytes` is of the JSON text in UTF-8.
 */
export function jsonValueOf(value: unknown, limitBytes: number): JsonValue {
  let text: string | undefined;
  try {
    text = JSON.stringify(value === undefined ? null : value);
  } catch (error) {
    return { fault: 'not_json', why: error instanceof Error ? error.message : String(error) };
  }
  if (text === undefined) return { fault: 'not_json', why: `a ${typeof value} is not JSON` };
  // A UTF-16 unit takes at most 3 bytes in UTF-8: most values need no exact count.
  const bytes = text.length * 3 <= limitBytes ? text.length : Buffer.byteLength(text);
  if (bytes > limitBytes) return { fault: 'too_large', bytes };
  return { fault: 'none', value: JSON.parse(text) as Json };
}
