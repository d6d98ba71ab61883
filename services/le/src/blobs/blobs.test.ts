import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { createHash, randomBytes } from 'node:crypto';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { once } from 'node:events';
import { createMemoryBroker, createMemoryBus } from '@tenma/bus/memory';
import { type BlobPart, createUuidV7, limits, queues } from '@tenma/protocol';
import { type Clock, manualClock, silentLog, systemClock } from '@tenma/runtime';
import { type Store, StoreUnavailableError } from '@tenma/store';
import { createSqliteStore } from '@tenma/store/sqlite';
import { temporaryFolder, until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import { buildApp } from '../http/app.ts';
import { createFakes } from '../http/fixture.ts';
import { startBlobReader } from './blob-reader.ts';

/** LE's side of blobs, from the queue to the API, over a store of its own. */
async function openBlobs({
  clock = systemClock(),
  depth,
  putBlobPart,
}: {
  clock?: Clock;
  /** In place of the store's. */
  putBlobPart?: Store['putBlobPart'];
  /** What the API is told of the length of queues; else the truth. */
  depth?: number;
} = {}) {
  await using parts = new AsyncDisposableStack();
  const log = silentLog();
  const folder = parts.use(await temporaryFolder());
  const store = parts.use(await createSqliteStore({ log, clock }, { path: join(folder.path, 'tenma.db') }));
  const broker = createMemoryBroker({ clock });
  const bus = parts.use(createMemoryBus({ broker, clock, log }));
  const kept = putBlobPart === undefined ? store : { ...store, putBlobPart };
  parts.use(await startBlobReader({ bus, store: kept, clock, log }));
  const seen = depth === undefined ? bus : { ...bus, depth: () => Promise.resolve(depth) };
  const app = await buildApp({ ...createFakes().components, store, bus: seen, clock, log });
  parts.defer(() => app.close());
  const opened = parts.move();
  return {
    store,
    bus,
    app,
    newId: createUuidV7(
      () => clock.now(),
      (bytes) => crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>),
    ),
    send: (part: BlobPart) => bus.publish(queues.blobs, part),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** JSON text of so many bytes that hardly packs. */
function noise(bytes: number): Buffer {
  return Buffer.from(
    JSON.stringify(
      randomBytes(Math.ceil(bytes / 2))
        .toString('hex')
        .slice(0, bytes - 2),
    ),
  );
}

/** The parts in which a WEE sends an output. */
function partsOf(text: Buffer, blobId: string, changes: Partial<BlobPart> = {}): BlobPart[] {
  const file = zstdCompressSync(text, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
  const count = Math.ceil(file.length / limits.blobPartBytes);
  return Array.from({ length: count }, (_, index) => ({
    blob_id: blobId,
    task_id: blobId,
    index,
    parts: count,
    content_type: 'application/json',
    content_encoding: 'zstd',
    bytes: text.length,
    sha256: sha256Of(text),
    expires_at: Date.now() + 3_600_000,
    data: file.subarray(index * limits.blobPartBytes, (index + 1) * limits.blobPartBytes).toString('base64'),
    ...changes,
  }));
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const mebibyte = 1024 * 1024;
type At = Awaited<ReturnType<typeof openBlobs>>;

async function whole(at: At, id: string, options: { timeoutMs?: number } = {}): Promise<void> {
  await until(async () => {
    const blob = await at.store.blob(id);
    return blob !== null && blob.kept === blob.parts;
  }, options);
}

describe('an output by reference', () => {
  it('is the JSON text again, whatever the order of its parts and however often they come', async () => {
    await using at = await openBlobs();
    const text = noise(3 * mebibyte);
    const id = at.newId();
    const parts = partsOf(text, id);
    expect(parts.length).toBeGreaterThan(2);
    for (const part of [...parts.toReversed(), ...parts]) await at.send(part);
    await whole(at, id);
    const answer = await at.app.inject({ method: 'GET', url: `/api/v1/blobs/${id}` });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': String(text.length),
      etag: `"${sha256Of(text)}"`,
    });
    expect(answer.headers['content-encoding']).toBeUndefined();
    expect.assert(answer.rawPayload.equals(text), 'the same text');
    const headers = { 'if-none-match': String(answer.headers.etag) };
    const again = await at.app.inject({ method: 'GET', url: `/api/v1/blobs/${id}`, headers });
    expect(again.statusCode).toBe(304);
  });

  it.each([
    ['zstd', true],
    ['gzip;q=0.5, ZSTD; q=0.9', true],
    ['gzip', false],
    ['zstd;q=0, gzip', false],
  ])('travels as it is kept where the request accepts that: %s, %s', async (accepted, packed) => {
    await using at = await openBlobs();
    const text = Buffer.from(JSON.stringify('a task like many others '.repeat(50_000)));
    const id = at.newId();
    for (const part of partsOf(text, id)) await at.send(part);
    await whole(at, id);
    const headers = { 'accept-encoding': accepted };
    const answer = await at.app.inject({ method: 'GET', url: `/api/v1/blobs/${id}`, headers });
    expect(answer.headers['content-encoding']).toBe(packed ? 'zstd' : undefined);
    const content = packed ? zstdDecompressSync(answer.rawPayload) : answer.rawPayload;
    expect.assert(content.equals(text), 'the same text');
  });

  it('is unknown when it never was, is no id, or has expired', async () => {
    const clock = manualClock(Date.UTC(2026, 0, 15));
    await using at = await openBlobs({ clock });
    const old = at.newId();
    const expired = at.newId();
    const [part] = partsOf(Buffer.from('{}'), expired, { expires_at: clock.now() + 1_000 });
    expect.assert(part !== undefined, 'a part');
    await at.send(part);
    await whole(at, expired);
    await clock.advance(120_000);
    for (const id of [old, expired, 'nonsense', '00000000-0000-4000-8000-000000000000']) {
      const answer = await at.app.inject({ method: 'GET', url: `/api/v1/blobs/${id}` });
      expect([id, answer.statusCode, answer.json<{ code: string }>().code]).toEqual([
        id,
        404,
        'unknown_blob',
      ]);
    }
  });

  it('is to be asked for again while parts of it are on their way', async () => {
    await using at = await openBlobs();
    const id = at.newId();
    const [first, ...rest] = partsOf(noise(2 * mebibyte), id);
    const ask = () => at.app.inject({ method: 'GET', url: `/api/v1/blobs/${id}` });
    const incomplete = async () => {
      const answer = await ask();
      expect(answer.statusCode).toBe(503);
      expect(answer.headers['retry-after']).toBe('2');
      expect(answer.json<{ code: string }>().code).toBe('blob_incomplete');
    };
    await incomplete();
    expect.assert(first !== undefined, 'a part');
    await at.send(first);
    await until(async () => (await at.store.blob(id))?.kept === 1);
    await incomplete();
    for (const part of rest) await at.send(part);
    await whole(at, id);
    expect((await ask()).statusCode).toBe(200);
  });

  it('is unknown when parts of it have been missing for ten minutes, however much is on its way', async () => {
    const clock = manualClock(Date.UTC(2026, 0, 15));
    await using at = await openBlobs({ clock, depth: 1_000 });
    const [torn, none] = [at.newId(), at.newId()];
    const [first] = partsOf(noise(2 * mebibyte), torn, { expires_at: clock.now() + 3_600_000 });
    expect.assert(first !== undefined, 'a part');
    await at.send(first);
    await until(async () => (await at.store.blob(torn))?.kept === 1);
    const ask = async (id: string) => {
      const answer = await at.app.inject({ method: 'GET', url: `/api/v1/blobs/${id}` });
      return { status: answer.statusCode, ...answer.json<{ code: string; detail: string }>() };
    };
    await clock.advance(600_000);
    for (const id of [torn, none])
      expect(await ask(id)).toMatchObject({ status: 503, code: 'blob_incomplete' });
    await clock.advance(1_000);
    for (const id of [torn, none]) expect(await ask(id)).toMatchObject({ status: 404, code: 'unknown_blob' });
    expect((await ask(torn)).detail).toMatch(/parts of it were lost/);
  });

  it.each(['zstd', 'identity'])(
    'is refused in plain words when the store fails at once: %s',
    async (accepted) => {
      await using at = await openBlobs();
      const id = at.newId();
      for (const part of partsOf(noise(mebibyte), id)) await at.send(part);
      await whole(at, id);
      at.store.blobPart = () => Promise.reject(new StoreUnavailableError('it is away'));
      const headers = { 'accept-encoding': accepted };
      const answer = await at.app.inject({ method: 'GET', url: `/api/v1/blobs/${id}`, headers });
      expect(answer.statusCode).toBe(503);
      expect(answer.json<{ code: string }>().code).toBe('store_unavailable');
      expect(Object.keys(answer.headers)).not.toContain('etag');
      expect(answer.headers['content-encoding']).toBeUndefined();
    },
  );

  it('breaks off rather than be longer or shorter than it says', async () => {
    await using at = await openBlobs();
    const url = await at.app.listen({ host: '127.0.0.1', port: 0 });
    for (const wrong of [-1, 1]) {
      const text = noise(2 * mebibyte);
      const id = at.newId();
      for (const part of partsOf(text, id, { bytes: text.length + wrong })) await at.send(part);
      await whole(at, id);
      const read = fetch(`${url}/api/v1/blobs/${id}`).then((answer) => answer.text());
      await expect(read).rejects.toThrow();
    }
  });

  it('of 40 MiB goes through and comes out equal', { timeout: 60_000 }, async () => {
    await using at = await openBlobs();
    const url = await at.app.listen({ host: '127.0.0.1', port: 0 });
    const text = noise(40 * mebibyte);
    const id = at.newId();
    for (const part of partsOf(text, id)) await at.send(part);
    await whole(at, id, { timeoutMs: 50_000 });
    const [answer] = (await once(get(`${url}/api/v1/blobs/${id}`), 'response')) as [IncomingMessage];
    const hash = createHash('sha256');
    for await (const chunk of answer as AsyncIterable<Buffer>) hash.update(chunk);
    expect(hash.digest('hex')).toBe(sha256Of(text));
  });
});

describe('a part of an output', () => {
  it('that is not what it should be goes to the dead queue', async () => {
    await using at = await openBlobs();
    const [part] = partsOf(Buffer.from('{}'), at.newId());
    expect.assert(part !== undefined, 'a part');
    await at.bus.declareQueue(queues.dead, { kind: 'durable' });
    const wrongs: Partial<Record<keyof BlobPart, unknown>>[] = [
      { index: part.parts },
      { index: 3_000_000_000, parts: 4_000_000_000 },
      { data: '####' },
      { data: 'A'.repeat(limits.blobPartBytes * 2) },
      { bytes: 65 * mebibyte },
      { bytes: -1 },
      { content_type: 'text/plain\r\nx-more: 1' },
      { content_type: 'application/json\0' },
      { sha256: 'nonsense' },
      { expires_at: Number.MAX_SAFE_INTEGER },
    ];
    for (const wrong of wrongs) await at.bus.publish(queues.blobs, { ...part, ...wrong });
    await at.bus.publish(queues.blobs, 'nonsense');
    await until(async () => (await at.bus.depth(queues.dead)) === wrongs.length + 1);
    expect(await at.store.blob(part.blob_id)).toBeNull();
  });

  it('that the store refuses for its own reasons comes again, not at full speed, and then no more', async () => {
    let tries = 0;
    const refuse = () => {
      tries += 1;
      return Promise.reject(new Error('numeric value out of range'));
    };
    const clock = manualClock(Date.now());
    await using at = await openBlobs({ clock, putBlobPart: refuse });
    const [part] = partsOf(Buffer.from('{}'), at.newId());
    expect.assert(part !== undefined, 'a part');
    await at.send(part);
    await at.bus.declareQueue(queues.dead, { kind: 'durable' });
    for (const expected of [1, 2, 3, 4, 5]) {
      await until(() => tries === expected);
      await clock.advance(499);
      expect(tries).toBe(expected);
      await clock.advance(1);
    }
    await until(async () => (await at.bus.depth(queues.dead)) === 1);
    expect(tries).toBe(6);
  });

  it('that has expired on its way is not kept', async () => {
    await using at = await openBlobs();
    const [late] = partsOf(Buffer.from('{}'), at.newId(), { expires_at: Date.now() - 1 });
    const [other] = partsOf(Buffer.from('{}'), at.newId());
    expect.assert(late !== undefined && other !== undefined, 'two parts');
    await at.send(late);
    await at.send(other);
    await whole(at, other.blob_id);
    expect(await at.store.blob(late.blob_id)).toBeNull();
  });
});
