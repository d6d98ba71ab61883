/** The wire form of a payload: JSON, or nothing for null and undefined, which clears a retained message. */
export function encodePayload(payload: unknown): string {
  if (payload === null || payload === undefined) return '';
  return JSON.stringify(payload) ?? '';
}

/** The value of a received payload; null when it is empty or no JSON. */
export function decodePayload(bytes: Buffer | string): unknown {
  if (bytes.length === 0) return null;
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return null;
  }
}
