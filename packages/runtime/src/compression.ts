import { promisify } from 'node:util';
import {
  constants,
  gunzip,
  gunzipSync,
  zstdCompress,
  zstdCompressSync,
  zstdDecompress,
  zstdDecompressSync,
} from 'node:zlib';

/** How bytes can be packed, by the names that HTTP and AMQP give it. */
export type Encoding = 'identity' | 'gzip' | 'zstd';

export interface Packed {
  readonly bytes: Buffer;
  /** `identity`: as they were, since they are few or hardly get fewer. */
  readonly encoding: Exclude<Encoding, 'gzip'>;
}

export interface PackOptions {
  /** Up to so many bytes stay as they are. */
  readonly thresholdBytes: number;
}

/** Why packed bytes cannot be had: `corrupt`, or `too_large` when they would be more than the caller takes. */
export class UnpackError extends Error {
  override readonly name = 'UnpackError';
  readonly reason: 'corrupt' | 'too_large';

  constructor(reason: 'corrupt' | 'too_large', message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** Packing is worth it when it saves a tenth. */
const worthwhileRatio = 0.9;
/** What takes less than a millisecond is done at once; the way to another thread and back takes longer. */
const atOnceBytes = 256 * 1024;
/** Each takes some tens of microseconds, however little is in it. */
const framesMax = 10_000;
const level = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

const compressing = promisify(zstdCompress);
const unpackers = {
  gzip: {
    atOnce: (bytes: Buffer, options: Bounds) => gunzipSync(bytes, options),
    elsewhere: promisify(gunzip),
  },
  zstd: { atOnce: oneFrame, elsewhere: allFrames },
} as const;

/** Packs with zstd. Only what is large takes a promise: it is done in another thread. */
export function pack(
  content: Uint8Array | string,
  { thresholdBytes }: PackOptions,
): Packed | Promise<Packed> {
  const bytes = bufferOf(content);
  if (bytes.length <= thresholdBytes) return { bytes, encoding: 'identity' };
  if (bytes.length <= atOnceBytes) return theSmaller(bytes, zstdCompressSync(bytes, level));
  return compressing(bytes, level).then((packed) => theSmaller(bytes, packed));
}

function theSmaller(bytes: Buffer, packed: Buffer): Packed {
  if (packed.length > bytes.length * worthwhileRatio) return { bytes, encoding: 'identity' };
  return { bytes: packed, encoding: 'zstd' };
}

/**
 * The bytes as they were before packing. Only what is large, packed or unpacked, or has several frames takes a promise.
 * @param maxBytes more are never made, whatever the packed bytes stand for
 * @throws UnpackError, or rejects with it
 */
export function unpack(content: Uint8Array, encoding: Encoding, maxBytes: number): Buffer | Promise<Buffer> {
  const bytes = bufferOf(content);
  if (encoding === 'identity') {
    if (bytes.length > maxBytes) throw tooLarge(maxBytes);
    return bytes;
  }
  const { atOnce, elsewhere } = unpackers[encoding];
  const unpackElsewhere = () =>
    elsewhere(bytes, { maxOutputLength: maxBytes }).catch((error: unknown) => {
      throw unpackError(error, maxBytes);
    });
  if (bytes.length > atOnceBytes) return unpackElsewhere();
  try {
    return atOnce(bytes, { maxOutputLength: Math.min(maxBytes, atOnceBytes) }) ?? unpackElsewhere();
  } catch (error) {
    // Few bytes can stand for many: those are begun again in another thread.
    if (isTooLarge(error) && maxBytes > atOnceBytes) return unpackElsewhere();
    throw unpackError(error, maxBytes);
  }
}

interface Bounds {
  readonly maxOutputLength: number;
}

/** What Node gives for a frame when it is asked for its `info`. */
interface Frame {
  readonly buffer: Buffer;
  /** `bytesWritten`: how many of the packed bytes it has read. */
  readonly engine: { readonly bytesWritten: number };
}

const frameOf = promisify(zstdDecompress) as unknown as (
  bytes: Buffer,
  options: Bounds & { readonly info: true },
) => Promise<Frame>;

/** Undefined when there is more than one frame. */
function oneFrame(bytes: Buffer, bounds: Bounds): Buffer | undefined {
  const frame = zstdDecompressSync(bytes, { ...bounds, info: true }) as unknown as Frame;
  return frame.engine.bytesWritten < bytes.length ? undefined : frame.buffer;
}

/** One after the other, as Node ends after a frame; what follows the last one and is none is refused. */
async function allFrames(bytes: Buffer, { maxOutputLength }: Bounds): Promise<Buffer> {
  const unpacked: Buffer[] = [];
  let left = maxOutputLength;
  let rest = bytes;
  do {
    if (unpacked.length === framesMax) throw new Error(`it has more than ${framesMax} frames`);
    // Node takes no bound of 0, and a frame may be empty.
    const { buffer, engine } = await frameOf(rest, { maxOutputLength: Math.max(1, left), info: true });
    left -= buffer.length;
    if (left < 0) throw tooLarge(maxOutputLength);
    unpacked.push(buffer);
    rest = rest.subarray(engine.bytesWritten);
  } while (rest.length > 0);
  return unpacked.length === 1 && unpacked[0] ? unpacked[0] : Buffer.concat(unpacked);
}

function bufferOf(content: Uint8Array | string): Buffer {
  if (typeof content === 'string') return Buffer.from(content);
  return Buffer.isBuffer(content)
    ? content
    : Buffer.from(content.buffer, content.byteOffset, content.byteLength);
}

function isTooLarge(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE';
}

function unpackError(error: unknown, maxBytes: number): UnpackError {
  if (error instanceof UnpackError) return error;
  if (isTooLarge(error)) return tooLarge(maxBytes);
  return new UnpackError('corrupt', `it cannot be unpacked: ${(error as Error).message}`, { cause: error });
}

function tooLarge(maxBytes: number): UnpackError {
  return new UnpackError('too_large', `unpacked it would be more than ${maxBytes} bytes`);
}
