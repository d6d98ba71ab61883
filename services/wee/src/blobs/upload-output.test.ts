import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createZstdDecompress, zstdCompressSync } from 'node:zlib';
import { type Bus, BusUnavailableError } from '@tenma/bus';
import { createMemoryBroker, createMemoryBus } from '@tenma/bus/memory';
import { type BlobPart, blobPartSchema, createUuidV7, outputRefSchema, queues } from '@tenma/protocol';
import { silentLog, systemClock } from '@tenma/runtime';
import { temporaryFolder } from '@tenma/test-support';
import type { OutputFile } from '@tenma/worker/messages';
import { describe, expect, it } from 'vitest';
import { uploadOutput } from './upload-output.ts';

const mebibyte = 1024 * 1024;
const taskId = '01990b4c-6f2a-7cc3-9d5e-000000000001';
const clock = systemClock();
const log = silentLog();
const newId = createUuidV7(
  () => Date.now(),
  (bytes) => crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>),
);

async function open(size: number) {
  await using parts = new AsyncDisposableStack();
  const folder = parts.use(await temporaryFolder());
  const bus = parts.use(createMemoryBus({ broker: createMemoryBroker({ clock }), clock, log }));
  await bus.declareQueue(queues.blobs, { kind: 'durable' });
  const text = Buffer.from(JSON.stringify(randomBytes(size / 2).toString('hex')));
  const path = join(folder.path, 'output');
  await writeFile(path, zstdCompressSync(text));
  const file: OutputFile = {
    path,
    bytes: text.length,
    stored_bytes: (await stat(path)).size,
    content_encoding: 'zstd',
    sha256: createHash('sha256').update(text).digest('hex'),
  };
  const components = { bus, clock, log, random: Math.random, newId };
  const opened = parts.move();
  return { bus, file, components, folder, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

describe('an output that is too large for a message', () => {
  it('goes to LE in parts that make the file again, and the file is removed', async () => {
    await using at = await open(4 * mebibyte);
    const parts: BlobPart[] = [];
    await using _consumer = await at.bus.consume(queues.blobs, { prefetch: 10 }, ({ body }) => {
      parts.push(blobPartSchema.parse(body));
      return 'ack';
    });
    const ref = await uploadOutput(at.components, at.file, { taskId, signal: new AbortController().signal });
    expect(outputRefSchema.parse(ref)).toMatchObject({ bytes: at.file.bytes, sha256: at.file.sha256 });
    expect(existsSync(at.file.path)).toBe(false);
    const inOrder = parts.toSorted((a, b) => a.index - b.index);
    expect(inOrder.map(({ index }) => index)).toEqual(inOrder.map((_, n) => n));
    expect(inOrder.every((part) => part.blob_id === ref.blob_id && part.parts === inOrder.length)).toBe(true);
    const hash = createHash('sha256');
    await pipeline(
      inOrder.map(({ data }) => Buffer.from(data, 'base64')),
      createZstdDecompress(),
      hash,
    );
    expect(hash.digest('hex')).toBe(at.file.sha256);
  });

  it('of 40 MiB needs memory for a few parts only', { timeout: 60_000 }, async () => {
    await using at = await open(40 * mebibyte);
    let underWay = 0;
    let most = 0;
    const four = Promise.withResolvers<void>();
    const bus: Bus = {
      ...at.bus,
      declareQueue: () => Promise.resolve(),
      async publish(_queue, body) {
        blobPartSchema.parse(body);
        underWay += 1;
        most = Math.max(most, underWay);
        // The first ones are with the broker until there are as many as may be.
        if (underWay === 4) four.resolve();
        await four.promise;
        await new Promise(setImmediate);
        underWay -= 1;
      },
    };
    const before = process.memoryUsage().rss;
    await uploadOutput({ ...at.components, bus }, at.file, { taskId, signal: new AbortController().signal });
    expect(most).toBe(4);
    expect(process.memoryUsage().rss - before).toBeLessThan(40 * mebibyte);
  });

  it('is sent again until the broker takes it', async () => {
    await using at = await open(mebibyte);
    let refusals = 0;
    const bus = refusing(at.bus, () => {
      refusals += 1;
      return refusals > 5;
    });
    await uploadOutput({ ...at.components, bus, random: () => 0 }, at.file, {
      taskId,
      signal: new AbortController().signal,
    });
    expect(refusals).toBeGreaterThan(5);
    expect(await at.bus.depth(queues.blobs)).toBeGreaterThan(0);
  });

  it('is given up at the signal, and its file is removed all the same', async () => {
    await using at = await open(mebibyte);
    const stopping = new AbortController();
    const bus = refusing(at.bus, () => {
      stopping.abort(new Error('WEE stops'));
      return false;
    });
    const upload = uploadOutput({ ...at.components, bus }, at.file, { taskId, signal: stopping.signal });
    await expect(upload).rejects.toThrow('WEE stops');
    expect(existsSync(at.file.path)).toBe(false);
  });

  it('whose file has become shorter fails', async () => {
    await using at = await open(16 * mebibyte);
    const bus: Bus = {
      ...at.bus,
      declareQueue: () => Promise.resolve(),
      publish: () => truncate(at.file.path, mebibyte),
    };
    const upload = uploadOutput({ ...at.components, bus }, at.file, {
      taskId,
      signal: new AbortController().signal,
    });
    await expect(upload).rejects.toThrow(`shorter than its ${at.file.stored_bytes} bytes`);
    expect(existsSync(at.file.path)).toBe(false);
  });

  it('of which a part cannot be sent at all fails, and few more are sent', async () => {
    await using at = await open(16 * mebibyte);
    let sent = 0;
    const bus: Bus = {
      ...at.bus,
      declareQueue: () => Promise.resolve(),
      publish: () => ((sent += 1) === 1 ? Promise.reject(new RangeError('too large')) : Promise.resolve()),
    };
    const upload = uploadOutput({ ...at.components, bus }, at.file, {
      taskId,
      signal: new AbortController().signal,
    });
    await expect(upload).rejects.toThrow('too large');
    expect(sent).toBeLessThanOrEqual(8);
  });

  it('whose file is gone fails', async () => {
    await using at = await open(mebibyte);
    const file = { ...at.file, path: join(at.folder.path, 'nowhere') };
    const upload = uploadOutput(at.components, file, { taskId, signal: new AbortController().signal });
    await expect(upload).rejects.toThrow('ENOENT');
  });
});

/** A bus that takes a message when it is told to, and else says that the broker is away. */
function refusing(bus: Bus, takes: () => boolean): Bus {
  return {
    ...bus,
    declareQueue: () => Promise.resolve(),
    publish: (queue, body) =>
      takes() ? bus.publish(queue, body) : Promise.reject(new BusUnavailableError('away')),
  };
}
