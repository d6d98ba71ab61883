import { createHash } from 'node:crypto';
import type { OutputRef } from '@tenma/protocol';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createClient, ResultTimeoutError } from './index.ts';
import { type FakeLe, sendJson, startFakeLe } from './testing/index.ts';

const large = { rows: Array.from({ length: 1_000 }, (_, index) => ({ index, name: `人 ${index}` })) };

afterEach(() => void vi.useRealTimers());

/** A task whose output is kept as a blob. */
function addTask(le: FakeLe, output_ref: OutputRef) {
  return le.change(le.add({ type: 'report' }).id, { state: 'succeeded', output_ref });
}

describe('an output that is kept as a blob', () => {
  it('is the result all the same: of a handle, of run, execute and map', async () => {
    await using le = await startFakeLe({
      run: () => ({ state: 'succeeded', output_ref: le.blobs.keep(large) }),
    });
    await using client = createClient({ url: le.url });
    const handle = await client.submit('report', {});
    expect(await handle.result()).toEqual(large);
    expect(await client.run('report', {})).toEqual(large);
    expect(await client.execute('report', {})).toEqual(large);
    expect(await client.map('report', [1])).toMatchObject([{ ok: true, output: large }]);
  });

  it('is waited for while parts of it are on their way', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url, random: () => 0 });
    const ref = le.blobs.keep(large, 'missing');
    const { id } = addTask(le, ref);
    let looks = 0;
    le.play(({ path }) => {
      if (path.endsWith(ref.blob_id) && (looks += 1) === 3) le.blobs.arrive(ref.blob_id);
      return false;
    });
    expect(await client.task(id).result()).toEqual(large);
    expect(looks).toBe(3);
  });

  it('that never becomes whole is given up after a minute, with what LE says', async () => {
    await using le = await startFakeLe();
    let slept = 0;
    const clock = {
      now: () => Date.now(),
      monotonic: () => slept,
      sleep: async (ms: number) => void (slept += ms),
    };
    await using client = createClient({ url: le.url, clock });
    const { id } = addTask(le, le.blobs.keep(large, 'missing'));
    await expect(client.task(id).result()).rejects.toMatchObject({
      code: 'blob_incomplete',
      retryable: true,
    });
  });

  it.each(['missing', 'silent'])('is waited for no longer than the caller waits: %s', async (kind) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    await using le = await startFakeLe();
    const pausing = Promise.withResolvers<void>();
    const clock = {
      now: () => Date.now(),
      monotonic: () => performance.now(),
      sleep(_ms: number, signal: AbortSignal) {
        pausing.resolve();
        return new Promise<void>((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
        });
      },
    };
    await using client = createClient({ url: le.url, clock });
    const ref = le.blobs.keep(large, 'missing');
    if (kind === 'silent') le.play(({ path }) => path.includes(ref.blob_id));
    const { id } = le.add({ type: 'report' });
    const asked = le.next(({ path }) => path.includes('wait='));
    const ended = client
      .task(id)
      .result({ timeoutMs: 1_700 })
      .catch((error: unknown) => error);
    await asked;
    vi.advanceTimersByTime(900);
    const readBlob = le.next(({ path }) => path.includes(ref.blob_id));
    le.change(id, { state: 'succeeded', output_ref: ref });
    await (kind === 'silent' ? readBlob : pausing.promise);
    vi.advanceTimersByTime(800);
    // Were the whole time given again to the output, this would not end.
    const thrown = await ended;
    expect(thrown).toBeInstanceOf(ResultTimeoutError);
    expect(thrown).toMatchObject({ code: 'result_timeout', taskId: id, task: { state: 'succeeded' } });
    expect((thrown as Error).message).toContain('its output is still on its way');
  });

  it('that is not what the worker returned is refused', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    const { id } = addTask(le, { ...le.blobs.keep(large), sha256: 'f'.repeat(64) });
    await expect(client.task(id).result()).rejects.toMatchObject({
      code: 'bad_response',
      message: expect.stringContaining('SHA-256'),
    });
  });

  it('stands by its reference in the record and in the last event', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    const ref = le.blobs.keep(large);
    const { id } = addTask(le, ref);
    expect(await client.tasks.get(id)).toMatchObject({ output: null, output_ref: ref });
    const [last] = (await Array.fromAsync(client.task(id).events())).slice(-1);
    expect(last).toMatchObject({ kind: 'result', data: { output_ref: ref } });
    expect(last?.data).not.toHaveProperty('output');
  });

  it('can be read as a stream', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url, random: () => 0 });
    const ref = le.blobs.keep(large, 'missing');
    const refused = le.next(({ path }) => path.includes(ref.blob_id));
    const opened = client.blob(ref.blob_id);
    await refused;
    le.blobs.arrive(ref.blob_id);
    const response = await opened;
    const hash = createHash('sha256');
    for await (const chunk of response.body ?? []) hash.update(chunk);
    expect(hash.digest('hex')).toBe(ref.sha256);
    await expect(client.blob('gone')).rejects.toMatchObject({ code: 'unknown_blob', status: 404 });
  });

  it('is no longer read once the signal has aborted', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    const controller = new AbortController();
    const ref = le.blobs.keep(large, 'missing');
    const refused = le.next(({ path }) => path.includes(ref.blob_id));
    const opened = client.blob(ref.blob_id, { signal: controller.signal });
    await refused;
    controller.abort(new Error('enough'));
    await expect(opened).rejects.toThrow('enough');
  });
});

describe('a large submission', () => {
  const text = 'tenma '.repeat(20_000);
  const encodings = (le: FakeLe) => le.requests.map(({ headers }) => headers['content-encoding']);

  /** By a name that could be anywhere. */
  const far = (le: FakeLe) => {
    const url = 'http://le.example';
    const elsewhere = (address: string, init?: RequestInit) => fetch(address.replace(url, le.url), init);
    return { url, fetch: elsewhere as typeof fetch };
  };

  it('goes as it is to a server on this machine, whose answers come so too', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    await client.submit('echo', { text });
    expect(encodings(le)).toEqual([undefined]);
    expect(le.requests[0]?.headers['accept-encoding']).toBe('identity');
  });

  it('is packed; a small one is not', async () => {
    await using le = await startFakeLe();
    await using client = createClient(far(le));
    const handle = await client.submit('echo', { text });
    await client.submit('echo', { text: 'hi' });
    expect(encodings(le)).toEqual(['gzip', undefined]);
    expect(le.requests[0]?.headers['accept-encoding']).toContain('gzip');
    expect(Number(le.requests[0]?.headers['content-length'])).toBeLessThan(text.length / 10);
    expect(le.tasks.get(handle.id)?.input).toEqual({ text });
  });

  it.each([415, 400])(
    'is sent plain to a server that takes none packed (%i), later at once',
    async (status) => {
      await using le = await startFakeLe();
      await using client = createClient(far(le));
      le.play(({ headers }, response) =>
        headers['content-encoding'] === undefined ? false : sendJson(response, status, 'no'),
      );
      const handle = await client.submit('echo', { text });
      expect(le.tasks.get(handle.id)?.input).toEqual({ text });
      await client.submit('echo', { text });
      expect(encodings(le)).toEqual(['gzip', undefined, undefined]);
    },
  );

  it.each([
    [415, 415],
    [400, 400],
    [415, 422],
  ])('that is refused (%i) and plain as well (%i) is refused; the next is packed', async (packed, plain) => {
    await using le = await startFakeLe();
    await using client = createClient(far(le));
    const stop = le.play(({ headers }, response) =>
      sendJson(response, headers['content-encoding'] === 'gzip' ? packed : plain, 'no'),
    );
    await expect(client.submit('echo', { text })).rejects.toMatchObject({ status: plain });
    stop();
    await client.submit('echo', { text });
    expect(encodings(le)).toEqual(['gzip', undefined, 'gzip']);
  });
});
