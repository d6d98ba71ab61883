import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { createAmqpBus } from '@tenma/bus/amqp';
import { type Client, createClient } from '@tenma/client';
import { blobAddress, limits, type OutputRef, outputRefSchema, queues, topics } from '@tenma/protocol';
import { createMqttResults } from '@tenma/results/mqtt';
import { silentLog, systemClock } from '@tenma/runtime';
import type { Blob, Store } from '@tenma/store';
import { createPostgresStore } from '@tenma/store/postgres';
import { type ServiceProcess, temporaryFolder, until } from '@tenma/test-support';
import type { OwnPostgres } from '@tenma/test-support/postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canStartStack, startStack } from '../faults/stack.ts';
import largeOutput, { madeText, type Wanted } from './large-output-worker.ts';

const mebibyte = 1024 * 1024;
const timeout = 60_000;

interface At {
  readonly api: string;
  readonly client: Client;
  readonly store: Store;
  /** What MQTT said of each task's end, as JSON text, by task. */
  readonly told: ReadonlyMap<string, string>;
  /** Parts that LE has not been handed. */
  readonly partsWaiting: () => Promise<number>;
  readonly postgres: OwnPostgres;
  readonly le: ServiceProcess;
  readonly restartLe: () => void;
}

const parts = new AsyncDisposableStack();
let at: At;

/** The fabric, and besides it a client and one connection to each of its servers. */
async function open(): Promise<At> {
  const workers = fileURLToPath(new URL('large-output-worker.ts', import.meta.url));
  const { fabric, rabbitmq, mosquitto, postgres } = parts.use(await startStack({ TENMA_WORKERS: workers }));
  const le = fabric.le();
  fabric.ic();
  fabric.wee();
  const components = { clock: systemClock(), log: silentLog(), random: Math.random };
  const results = parts.use(createMqttResults(components, { url: mosquitto.url, clientId: 'listener' }));
  const told = new Map<string, string>();
  await results.subscribe(topics.result('+', largeOutput.type, '+'), ({ topic, payload }) => {
    told.set(topic.split('/').at(-2) ?? '', JSON.stringify(payload));
  });
  const bus = parts.use(createAmqpBus(components, { url: rabbitmq.url, name: 'watcher' }));
  const store = parts.use(createPostgresStore(components, { url: postgres.url }));
  const client = parts.use(createClient({ url: fabric.api }));
  const watching = () => [results, bus, store].every(({ status }) => status === 'connected');
  await until(watching, { what: 'the watchers being connected' });
  await fabric.ready();
  return {
    api: fabric.api,
    client,
    store,
    told,
    partsWaiting: async () => (await bus.depth(queues.blobs)) ?? 0,
    postgres,
    le,
    restartLe: () => void fabric.le(),
  };
}

/** The body as it travelled, so that nothing between here and LE unpacks it. */
async function rawGet(path: string, accepted: string) {
  const headers = { 'accept-encoding': accepted };
  const [answer] = (await once(get(`${at.api}${path}`, { headers }), 'response')) as [IncomingMessage];
  const body = await buffer(answer);
  const encoding = answer.headers['content-encoding'] ?? 'identity';
  return { status: answer.statusCode, headers: answer.headers, encoding, body };
}

function unpacked(body: Buffer, encoding: string): Buffer {
  if (encoding === 'identity') return body;
  return encoding === 'zstd' ? zstdDecompressSync(body) : gunzipSync(body);
}

/** What MQTT said of the end: the reference, and nothing of the text. */
async function announcedRef(taskId: string): Promise<OutputRef> {
  await until(() => at.told.has(taskId), { timeoutMs: 20_000, what: 'the result on MQTT' });
  const text = at.told.get(taskId) ?? '';
  expect(text.length).toBeLessThan(4_096);
  const { data } = JSON.parse(text) as { data: { output?: unknown; output_ref?: unknown } };
  expect(data.output ?? null).toBeNull();
  return outputRefSchema.parse(data.output_ref);
}

/** Whole in the store, to the last part. */
async function keptBlob({ blob_id: id }: OutputRef): Promise<Blob> {
  const blob = await at.store.blob(id);
  expect.assert(blob !== null, 'the blob is in the store');
  expect(blob.kept).toBe(blob.parts);
  return blob;
}

/** Deletes every part in the store. Returns how many there were. */
function forgetAll(): Promise<number> {
  return at.store.forgetBlobParts({ expiredBy: Number.MAX_SAFE_INTEGER, limit: 1_000 });
}

describe.runIf(canStartStack)('a large output on real brokers', () => {
  // Starts three servers and three services.
  beforeAll(async () => {
    at = await open();
  }, timeout);
  afterAll(() => parts.disposeAsync(), timeout);

  it('above the limit ends its task, and leaves nothing in the store', { timeout }, async () => {
    const { id } = await at.client.submit(largeOutput, { bytes: limits.blobBytes + 1, kind: 'noise' });
    const task = await at.client.task(id).finished();
    expect(task).toMatchObject({ state: 'failed', attempt: 1, error: { code: 'result_too_large' } });
    expect(task.error?.message).toMatch(/The output is \d+ bytes of JSON; 67108864 bytes fit/);
    expect(task.output_ref ?? null).toBeNull();
    expect([await at.partsWaiting(), await forgetAll()]).toEqual([0, 0]);
  });

  it.each<Wanted & { parts: number }>([
    { bytes: 5 * mebibyte, kind: 'noise', parts: 8 },
    { bytes: 5 * mebibyte, kind: 'words', parts: 1 },
    { bytes: 300 * 1024, kind: 'noise', parts: 1 },
    { bytes: 300 * 1024, kind: 'words', parts: 1 },
  ])('of $bytes bytes of $kind comes back as the worker made it', { timeout }, async (wanted) => {
    const made = { text: madeText(wanted) };
    const json = Buffer.from(JSON.stringify(made));
    const sha256 = createHash('sha256').update(json).digest('hex');
    const handle = await at.client.submit(largeOutput, { bytes: wanted.bytes, kind: wanted.kind });
    expect.assert((await handle.result()).text === made.text, 'the result is what the worker made');

    const ref = await announcedRef(handle.id);
    expect(ref).toMatchObject({ bytes: json.length, sha256, content_type: 'application/json' });
    const task = await handle.get();
    expect(task).toMatchObject({ state: 'succeeded', attempt: 1, output: null, output_ref: ref });
    expect(await keptBlob(ref)).toMatchObject({ taskId: handle.id, sha256, bytes: json.length });
    expect((await keptBlob(ref)).parts).toBe(wanted.parts);

    for (const accepted of ['identity', 'gzip', 'zstd']) {
      const answer = await rawGet(blobAddress(ref.blob_id), accepted);
      expect([accepted, answer.status, answer.headers['content-type']]).toEqual([
        accepted,
        200,
        'application/json',
      ]);
      expect(answer.encoding).toBe(accepted === 'zstd' ? 'zstd' : 'identity');
      expect(answer.headers.etag).toBe(accepted === 'zstd' ? `"${sha256}-zstd"` : `"${sha256}"`);
      expect.assert(unpacked(answer.body, answer.encoding).equals(json), `the same JSON: ${accepted}`);
    }
  });

  it('that nobody knows is a problem with a code', async () => {
    const answer = await rawGet(blobAddress('00000000-0000-4000-8000-000000000000'), 'zstd, gzip');
    expect(answer.status).toBe(404);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    const problem: unknown = JSON.parse(unpacked(answer.body, answer.encoding).toString());
    expect(problem).toMatchObject({ status: 404, code: 'unknown_blob', retryable: false });
  });

  it('is whole although its parts come while the database is away, and LE is killed with some in hand', {
    timeout,
  }, async () => {
    await using folder = await temporaryFolder();
    const once = join(folder.path, 'database-is-gone');
    const wanted: Wanted = { bytes: 20 * mebibyte, kind: 'noise' };
    const handle = await at.client.submit(largeOutput, { ...wanted, once });
    const running = async () => (await handle.get()).state === 'running';
    await until(running, { timeoutMs: 20_000, what: 'the task running' });
    await at.postgres.stop('SIGKILL');
    await writeFile(once, '');
    // The WEE tells of the end by itself; LE has parts in hand and cannot keep them.
    const ref = await announcedRef(handle.id);
    await until(async () => (await at.partsWaiting()) > 0, { what: 'parts that are not lost' });
    await at.le.stop('SIGKILL');
    await at.postgres.start();
    await until(() => at.store.status === 'connected', { timeoutMs: 20_000, what: 'the database' });
    expect(await at.store.blob(ref.blob_id)).toBeNull();

    at.restartLe();
    expect.assert((await handle.result()).text === madeText(wanted), 'the result is what the worker made');
    expect(await handle.get()).toMatchObject({ state: 'succeeded', attempt: 1, output_ref: ref });
    await keptBlob(ref);
  });
});
