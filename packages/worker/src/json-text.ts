export type JsonText =
  | { readonly fault: 'none'; readonly text: string }
  | { readonly fault: 'not_json'; readonly why: string }
  /** So large that no string holds it. */
  | { readonly fault: 'endless' };

/**
 * A value as it will travel: undefined becomes null, dates text, fields that are undefined go. BigInt, cycles and
 * functions are not JSON.
 */
export function jsonTextOf(value: unknown): JsonText {
  let text: string | undefined;
  try {
    text = JSON.stringify(value === undefined ? null : value);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return why === 'Invalid string length' ? { fault: 'endless' } : { fault: 'not_json', why };
  }
  if (text === undefined) return { fault: 'not_json', why: `a ${typeof value} is not JSON` };
  return { fault: 'none', text };
}

/** Whether a text takes at most so many bytes in UTF-8. A UTF-16 unit takes at most 3: most need no exact count. */
export function fitsInto(text: string, limitBytes: number): boolean {
  return text.length * 3 <= limitBytes || Buffer.byteLength(text) <= limitBytes;
}
