/**
 * FNV-1a over UTF-16 units, then MurmurHash3's finish, which spreads near ids over all 32 bits. Each `seed` hashes in a
 * way of its own; another hash will do as one.
 */
export function hashOf(text: string, seed = 0x81_1c_9d_c5): number {
  // Within 32 bits from the start, which the compiler cannot know of a number.
  let hash = seed | 0;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01_00_01_93);
  return mixed(hash);
}

/** Spreads the bits of a number over all 32 of the result. */
export function mixed(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85_eb_ca_6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2_b2_ae_35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
