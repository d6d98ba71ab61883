/** Of a body as JSON text. Larger ones are neither sent nor, whatever a message says, unpacked. */
export const maxBodyBytes = 64 * 1024 * 1024;

/**
 * What goes over the wire for a body; `undefined` has no JSON and travels as null.
 * @throws RangeError when it has more than {@link maxBodyBytes}
 */
export function encodeBody(body: unknown): string {
  const text = JSON.stringify(body) ?? 'null';
  if (text.length > maxBodyBytes) {
    throw new RangeError(`a body of ${text.length} characters; a bus takes ${maxBodyBytes} bytes`);
  }
  return text;
}

/** The parsed body, or undefined when the text is not JSON (JSON itself has no undefined). */
export function decodeBody(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
