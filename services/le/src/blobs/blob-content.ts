import { pipeline, Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import type { Blob, Store } from '@tenma/store';

/** A stream of the blob's bytes as they are kept; never more than a few parts of it are in memory. */
export function packedContent(store: Store, blob: Blob): Readable {
  return Readable.from(partsOf(store, blob), { objectMode: false });
}

/** A stream of the blob as it was before it was packed. It fails when that is not as long as the blob says. */
export function unpackedContent(store: Store, blob: Blob): Readable {
  const packed = packedContent(store, blob);
  if (blob.contentEncoding === 'identity') return exactly(blob.bytes, packed);
  const unpacking = blob.contentEncoding === 'zstd' ? createZstdDecompress() : createGunzip();
  // What goes wrong is told by the stream that is read; here it only has to end the others.
  pipeline(packed, unpacking, () => undefined);
  return exactly(blob.bytes, unpacking);
}

async function* partsOf(store: Store, blob: Blob): AsyncGenerator<Uint8Array> {
  for (let part = 0; part < blob.parts; part += 1) {
    const data = await store.blobPart(blob.id, part);
    if (!data) throw new Error(`part ${part} of blob ${blob.id} has gone while it was read`);
    yield data;
  }
}

/** The length was promised to the reader: what says more must not run into the answer to the next request. */
function exactly(bytes: number, content: Readable): Readable {
  return Readable.from(
    (async function* () {
      let left = bytes;
      for await (const chunk of content as AsyncIterable<Buffer>) {
        left -= chunk.length;
        if (left < 0) throw new Error(`a blob is longer than its ${bytes} bytes`);
        yield chunk;
      }
      if (left > 0) throw new Error(`a blob is shorter than its ${bytes} bytes`);
    })(),
    { objectMode: false },
  );
}
