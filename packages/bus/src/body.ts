/** What goes over the wire for a body; `undefined` has no JSON and travels as null. */
export function encodeBody(body: unknown): string {
  return JSON.stringify(body) ?? 'null';
}

/** The parsed body, or undefined when the text is not JSON (JSON itself has no undefined). */
export function decodeBody(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
