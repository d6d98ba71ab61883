import type { Bus, Verdict } from '@tenma/bus';
import { type BlobPart, blobPartSchema, defaults, limits, queues } from '@tenma/protocol';
import { type Clock, type Log, sleep } from '@tenma/runtime';
import { type Store, StoreUnavailableError } from '@tenma/store';

interface Components {
  readonly bus: Bus;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

/** Parts on their way to the store: with their text some 10 MiB. */
const prefetch = 8;
const retryMs = 500;
/** Deliveries before a part that the store refuses is given up. */
const refusalsMax = 5;
const partsMax = Math.ceil(limits.blobBytes / limits.blobPartBytes);
const base64Max = 4 * Math.ceil(limits.blobPartBytes / 3);
/** No part may stay in the store for ever; this much more a clock may be ahead. */
const expiryMaxMs = 2 * defaults.blobRetentionMs;
/** Becomes the value of a header. */
const printable = /^[\x20-\x7e]{1,255}$/;
const sha256 = /^[0-9a-f]{64}$/;

/** Brings the parts of outputs that WEEs send to the store. Each is acknowledged once the store has it. */
export async function startBlobReader(components: Components): Promise<AsyncDisposable> {
  const { bus, clock } = components;
  const stopping = new AbortController();
  await bus.declareQueue(queues.blobs, { kind: 'durable' });
  const consumer = await bus.consume(queues.blobs, { prefetch }, async ({ body, deliveryCount }) => {
    const verdict = await keep(components, body, deliveryCount);
    // While the store is away the same part comes again and again: not at full speed.
    if (verdict === 'retry') await sleep(clock, retryMs, stopping.signal).catch(() => undefined);
    return verdict;
  });
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort(new Error('LE stops'));
      await consumer[Symbol.asyncDispose]();
    },
  };
}

async function keep(
  { store, clock, log }: Components,
  body: unknown,
  deliveryCount: number,
): Promise<Verdict> {
  const now = clock.now();
  const part = blobPartSchema.safeParse(body);
  if (!part.success || !isPossible(part.data, now)) {
    log.error({ issues: part.error?.issues.slice(0, 5) }, 'a part of an output is not what it should be');
    return 'drop';
  }
  // It was on its way for so long that nobody could ask for it any more.
  if (part.data.expires_at <= now) return 'ack';
  const { blob_id: id, task_id: taskId, index, data } = part.data;
  const blob = {
    id,
    taskId,
    parts: part.data.parts,
    contentType: part.data.content_type,
    contentEncoding: part.data.content_encoding,
    bytes: part.data.bytes,
    sha256: part.data.sha256,
    expiresAt: part.data.expires_at,
  };
  try {
    await store.putBlobPart(blob, index, Buffer.from(data, 'base64'));
    return 'ack';
  } catch (error) {
    if (error instanceof StoreUnavailableError) {
      log.warn({ err: error, blob: id }, 'a part of an output is not kept yet; trying again');
      return 'retry';
    }
    // A store that is there and refuses it will go on doing so, while the others wait behind it.
    const enough = deliveryCount >= refusalsMax;
    log.error({ err: error, blob: id, enough }, 'a part of an output could not be kept');
    return enough ? 'drop' : 'retry';
  }
}

/** Whether a WEE can have sent it. What a store or a header cannot hold must not come to them again and again. */
function isPossible(part: BlobPart, now: number): boolean {
  const { index, parts, bytes, data } = part;
  return (
    index < parts &&
    parts <= partsMax &&
    bytes >= 0 &&
    bytes <= limits.blobBytes &&
    data.length <= base64Max &&
    printable.test(part.content_type) &&
    sha256.test(part.sha256) &&
    part.expires_at <= now + expiryMaxMs
  );
}
