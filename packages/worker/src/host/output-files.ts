import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { threadId } from 'node:worker_threads';
import { createZstdCompress } from 'node:zlib';
import { type OutputFile, outputPrefix } from './messages.ts';

/** Outputs too large for a message, each in a file of its own until the WEE takes it over. */
export interface OutputFiles {
  /**
   * Packs the text and gives the event loop back again and again. Leaves nothing behind when it fails.
   * @throws the reason of `signal` when that aborts; else what the disk says
   */
  write(text: string, signal: AbortSignal): Promise<OutputFile>;
  /** Removes, at once, what is being written: nobody will be told of it. */
  discard(): void;
}

/** Small enough for the event loop, large enough for the packer. */
const chunkBytes = 256 * 1024;

export function createOutputFiles(folder: string): OutputFiles {
  const unfinished = new Set<string>();
  const prefix = outputPrefix(process.pid, threadId);
  return {
    async write(text, signal) {
      signal.throwIfAborted();
      const path = join(folder, `${prefix}${randomUUID()}.json.zst`);
      const bytes = Buffer.from(text);
      const hash = createHash('sha256');
      const file = createWriteStream(path, { flags: 'wx', mode: 0o600 });
      unfinished.add(path);
      try {
        await pipeline(chunksOf(bytes, hash.update.bind(hash)), createZstdCompress(), file, { signal });
        signal.throwIfAborted();
        return {
          path,
          bytes: bytes.length,
          stored_bytes: file.bytesWritten,
          content_encoding: 'zstd',
          sha256: hash.digest('hex'),
        };
      } catch (error) {
        // Not before: a file that is still being opened would come after its removal.
        if (!file.closed) await new Promise<void>((closed) => file.once('close', closed));
        await rm(path, { force: true });
        signal.throwIfAborted();
        throw error;
      } finally {
        unfinished.delete(path);
      }
    },
    discard() {
      for (const path of unfinished) rmSync(path, { force: true });
    },
  };
}

function* chunksOf(bytes: Buffer, onChunk: (chunk: Buffer) => void): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const chunk = bytes.subarray(at, at + chunkBytes);
    onChunk(chunk);
    yield chunk;
  }
}
