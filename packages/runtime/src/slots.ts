/**
 * Slots of something periodic: they start at `offsetMs` after the multiples of `everyMs` since 1970, the same ones for
 * whoever asks and however often it was restarted.
 */
export function slotAfter(now: number, everyMs: number, offsetMs: number): number {
  return Math.floor((now - offsetMs) / everyMs + 1) * everyMs + offsetMs;
}

/** A place in [0, rangeMs) that belongs to the name: what is spread by it starts neither together nor elsewhere next time. */
export function splayOf(name: string, rangeMs: number): number {
  // FNV-1a, then mixed: neighbours in name must not be neighbours in time.
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index += 1) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return Math.floor((((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32) * rangeMs);
}
