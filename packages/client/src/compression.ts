/** Submissions from this size on are worth the time that packing them takes. Characters of JSON text. */
export const packedFromLength = 16 * 1024;

/** The text in UTF-8, packed; undefined where the runtime cannot. */
export async function gzip(text: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (typeof CompressionStream === 'undefined') return undefined;
  const packed = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}
