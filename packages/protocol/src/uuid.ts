const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Random bytes are asked for in stocks of this size: one id at a time costs more than the id. */
const stockBytes = 1_024;
const randomBytesEach = 8;

/**
 * UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, a 12-bit counter that orders ids made within one millisecond,
 * 62 random bits. Ids grow even when the clock steps back.
 * @param random fills its argument with random bytes, as `crypto.getRandomValues` does.
 */
export function createUuidV7(now: () => number, random: (bytes: Uint8Array) => Uint8Array): () => string {
  const stock = new Uint8Array(stockBytes);
  let used = stockBytes;
  let lastMs = 0;
  let counter = 0;

  return () => {
    const ms = Math.max(now(), lastMs);
    counter = ms === lastMs ? counter + 1 : 0;
    lastMs = counter > 0xfff ? ms + 1 : ms;
    if (counter > 0xfff) counter = 0;
    if (used === stockBytes) {
      random(stock);
      used = 0;
    }
    const time = lastMs.toString(16).padStart(12, '0');
    let tail = hex[0x80 | ((stock[used] ?? 0) & 0x3f)] ?? '';
    for (let index = 1; index < randomBytesEach; index += 1) {
      if (index === 2) tail += '-';
      tail += hex[stock[used + index] ?? 0];
    }
    used += randomBytesEach;
    return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${tail}`;
  };
}
