/**
 * UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, a 12-bit counter that orders ids made within one millisecond,
 * 62 random bits.
 * @param random fills its argument with random bytes, as `crypto.getRandomValues` does.
 */
export function createUuidV7(now: () => number, random: (bytes: Uint8Array) => Uint8Array): () => string {
  const bytes = new Uint8Array(16);
  const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
  let lastMs = 0;
  let counter = 0;
  return () => {
    const ms = Math.max(now(), lastMs);
    counter = ms === lastMs ? counter + 1 : 0;
    lastMs = counter > 0xfff ? ms + 1 : ms;
    if (counter > 0xfff) counter = 0;
    random(bytes);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, Math.floor(lastMs / 2 ** 32));
    view.setUint32(2, lastMs >>> 0);
    view.setUint16(6, 0x7000 | counter);
    view.setUint8(8, 0x80 | (view.getUint8(8) & 0x3f));
    let text = '';
    for (let index = 0; index < 16; index += 1) {
      if (index === 4 || index === 6 || index === 8 || index === 10) text += '-';
      text += hex[bytes[index] ?? 0];
    }
    return text;
  };
}
