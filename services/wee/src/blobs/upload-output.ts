import { type FileHandle, open, unlink } from 'node:fs/promises';
import { type Bus, BusUnavailableError, UnroutableError } from '@tenma/bus';
import { type BlobPart, defaults, limits, type OutputRef, queues, timestamp } from '@tenma/protocol';
import { type Clock, fullJitterMs, type Log, reconnectBackoff, sleep } from '@tenma/runtime';
import type { OutputFile } from '@tenma/worker/messages';

interface Components {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  /** Makes UUIDs. */
  readonly newId: () => string;
}

export interface UploadOptions {
  readonly taskId: string;
  /** Ends the tries while the broker is away. */
  readonly signal: AbortSignal;
}

/** Parts with the broker and not confirmed: 2 MiB of the file. */
const partsAtOnce = 4;
/** A part is large, and so may be the queue of a disk. */
const confirmMs = 30_000;
const contentType = 'application/json';

/**
 * Brings an output to LE in parts, and removes its file, whatever comes of it. Resolves when the broker has every part:
 * LE keeps them, and whoever asks for the blob sooner is told to wait.
 * @throws the signal's reason, or what the file system says; parts that were sent expire
 */
export async function uploadOutput(
  components: Components,
  file: OutputFile,
  { taskId, signal }: UploadOptions,
): Promise<OutputRef> {
  const { clock, newId } = components;
  const expiresAt = clock.now() + defaults.blobRetentionMs;
  const parts = Math.max(1, Math.ceil(file.stored_bytes / limits.blobPartBytes));
  const head: Omit<BlobPart, 'index' | 'data'> = {
    blob_id: newId(),
    task_id: taskId,
    parts,
    content_type: contentType,
    content_encoding: file.content_encoding,
    bytes: file.bytes,
    sha256: file.sha256,
    expires_at: expiresAt,
  };
  try {
    await using handle = await open(file.path);
    let next = 0;
    const inTurn = async () => {
      for (let index = next++; index < parts; index = next++) {
        const data = await readPart(handle, index, file.stored_bytes);
        await send(components, { ...head, index, data: data.toString('base64') }, signal);
      }
    };
    await components.bus.declareQueue(queues.blobs, { kind: 'durable' });
    const orStop = (error: unknown) => {
      // Of a blob that lacks a part nobody needs the others.
      next = parts;
      throw error;
    };
    await allOrNone(Array.from({ length: Math.min(parts, partsAtOnce) }, () => inTurn().catch(orStop)));
  } finally {
    await unlink(file.path).catch((error: unknown) =>
      components.log.warn({ err: error, path: file.path }, 'the file of an output could not be removed'),
    );
  }
  return {
    blob_id: head.blob_id,
    bytes: file.bytes,
    content_type: contentType,
    sha256: file.sha256,
    expires_at: timestamp(expiresAt),
  };
}

/** The file must not be closed while somebody still reads from it. */
async function allOrNone(sending: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(sending)).find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
}

/** @throws Error when the file is no longer as long as it was: a worker could still have it open */
async function readPart(handle: FileHandle, index: number, storedBytes: number): Promise<Buffer> {
  const position = index * limits.blobPartBytes;
  const buffer = Buffer.allocUnsafe(Math.min(limits.blobPartBytes, storedBytes - position));
  for (let filled = 0; filled < buffer.length; ) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, position + filled);
    if (bytesRead === 0) throw new Error(`the file of the output is shorter than its ${storedBytes} bytes`);
    filled += bytesRead;
  }
  return buffer;
}

async function send(
  { bus, clock, log, random }: Components,
  part: BlobPart,
  signal: AbortSignal,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    signal.throwIfAborted();
    try {
      return await bus.publish(queues.blobs, part, { timeoutMs: confirmMs });
    } catch (error) {
      const passes = error instanceof BusUnavailableError || error instanceof UnroutableError;
      if (!passes) throw error;
      if (tries === 1) {
        log.warn({ err: error, blob: part.blob_id }, 'a part of an output cannot be sent; trying again');
      }
      await sleep(clock, fullJitterMs(reconnectBackoff, tries, random), signal);
    }
  }
}
