import { problem } from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import { createClient, type ClientOptions, RequestError, UnreachableError } from './index.ts';
import { type FakeLe, type RecordedRequest, sendJson, sendProblem, startFakeLe } from './testing/index.ts';

/** A client that never pauses longer than it is told to, and remembers its pauses. */
function testClient(le: FakeLe, options: ClientOptions = {}) {
  const pauses: number[] = [];
  const clock = {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep: (ms: number) => {
      pauses.push(ms);
      return Promise.resolve();
    },
  };
  return { client: createClient({ url: le.url, clock, random: () => 0.5, ...options }), pauses };
}

function batchSizes(requests: readonly RecordedRequest[]): number[] {
  return requests.map((request) => (request.body as { tasks: unknown[] }).tasks.length);
}

describe('submit', () => {
  it('resolves with a handle once LE has accepted the task, which can be read at once', async () => {
    await using le = await startFakeLe();
    const { client } = testClient(le);
    const handle = await client.submit(
      'echo',
      { text: 'hi' },
      { region: 'tokyo', priority: 9, labels: { a: 'b' } },
    );
    expect(handle.accepted).toMatchObject({ id: handle.id, state: 'accepted' });
    expect(await handle.get()).toMatchObject({
      type: 'echo',
      input: { text: 'hi' },
      region: 'tokyo',
      priority: 9,
      labels: { a: 'b' },
    });
  });

  it('sends the submissions of one turn in one request, each with a key of its own', async () => {
    await using le = await startFakeLe();
    const { client } = testClient(le);
    const handles = await Promise.all(
      Array.from({ length: 50 }, (_, index) => client.submit('echo', { index })),
    );
    expect(batchSizes(le.requests)).toEqual([50]);
    expect(new Set(handles.map((handle) => handle.id)).size).toBe(50);
    expect(handles.map((handle) => le.tasks.get(handle.id)?.input)).toEqual(
      handles.map((_, index) => ({ index })),
    );
  });

  it('sends what arrives while requests are under way together when one of them is back', async () => {
    await using le = await startFakeLe();
    const { client } = testClient(le, { batch: { concurrency: 1 } });
    let release = () => {};
    const stop = le.play((_request, response) => {
      release = () => void sendJson(response, 202, { tasks: [le.add({ type: 'echo' })] });
      return true;
    });
    const arrived = le.next(() => true);
    const first = client.submit('echo', 0);
    await arrived;
    stop();
    const rest = [1, 2, 3].map((input) => client.submit('echo', input));
    release();
    await Promise.all([first, ...rest]);
    expect(batchSizes(le.requests)).toEqual([1, 3]);
  });

  it('cuts batches at the items and the bytes that one request may have', async () => {
    await using le = await startFakeLe();
    const items = testClient(le, { batch: { maxItems: 4 } }).client;
    await Promise.all(Array.from({ length: 10 }, (_, index) => items.submit('echo', index)));
    expect(batchSizes(le.requests).toSorted((a, b) => b - a)).toEqual([4, 4, 2]);
    const bytes = testClient(le, { batch: { maxBytes: 1_000 } }).client;
    await Promise.all(Array.from({ length: 3 }, () => bytes.submit('echo', 'x'.repeat(600))));
    expect(batchSizes(le.requests).slice(3)).toEqual([1, 1, 1]);
  });

  it('makes one task when the answer is lost and the submission is sent again', async () => {
    await using le = await startFakeLe();
    const { client } = testClient(le);
    const stop = le.play((request, response) => {
      stop();
      const { tasks } = request.body as { tasks: [{ type: string; idempotency_key: string }] };
      le.add(tasks[0]);
      response.destroy();
      return true;
    });
    const handle = await client.submit('echo', { once: true });
    expect(le.requests).toHaveLength(2);
    expect([...le.tasks.keys()]).toEqual([handle.id]);
  });

  it('waits as long as Retry-After says, and some jitter', async () => {
    await using le = await startFakeLe();
    const { client, pauses } = testClient(le);
    const stop = le.play((_request, response) => {
      stop();
      return sendProblem(response, problem('outbox_full'), { 'retry-after': '7' });
    });
    await client.submit('echo', 1);
    expect(pauses).toEqual([7_000 + 50]);
  });

  it('gives up at once when Retry-After is beyond the time it may take', async () => {
    await using le = await startFakeLe();
    const { client, pauses } = testClient(le, { retryForMs: 5_000 });
    le.play((_request, response) => sendProblem(response, problem('outbox_full'), { 'retry-after': '7' }));
    await expect(client.submit('echo', 1)).rejects.toMatchObject({
      code: 'outbox_full',
      status: 503,
      retryable: true,
    });
    expect(pauses).toEqual([]);
  });

  it('sends again only the items of a batch that LE refused for the moment', async () => {
    await using le = await startFakeLe();
    const { client } = testClient(le);
    const stop = le.play((_request, response) => {
      stop();
      const tasks = [le.add({ type: 'echo', input: 0 }), { error: problem('outbox_full') }];
      return sendJson(response, 202, { tasks });
    });
    const handles = await Promise.all([client.submit('echo', 0), client.submit('echo', 1)]);
    expect(batchSizes(le.requests)).toEqual([2, 1]);
    expect(handles.map((handle) => le.tasks.get(handle.id)?.input)).toEqual([0, 1]);
  });

  it('rejects the items that LE judged wrong with its problem, and no others', async () => {
    await using le = await startFakeLe();
    const { client } = testClient(le);
    const [good, bad] = await Promise.allSettled([
      client.submit('echo', 1),
      client.submit('echo', 1, { priority: 10 }),
    ]);
    expect(good.status).toBe('fulfilled');
    const error = (bad as PromiseRejectedResult).reason as RequestError;
    expect(error).toBeInstanceOf(RequestError);
    expect(error).toMatchObject({ code: 'invalid_request', status: 422, retryable: false });
    expect(error.problem.errors?.[0]?.pointer).toBe('#/priority');
  });

  it('says what to do when nothing answers', async () => {
    const le = await startFakeLe();
    await le[Symbol.asyncDispose]();
    const { client } = testClient(le, { retryForMs: 0 });
    const error = await client.submit('echo', 1).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UnreachableError);
    expect(error).toMatchObject({
      code: 'unreachable',
      retryable: true,
      hint: expect.stringContaining('npm start'),
    });
    expect((error as Error).message).toContain('ECONNREFUSED');
  });

  it('ends with the reason of the signal, and does not send what has not left', async () => {
    await using le = await startFakeLe();
    const { client } = testClient(le);
    const reason = new Error('changed my mind');
    await expect(client.submit('echo', 1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await client.submit('echo', 2);
    expect(le.tasks.size).toBe(1);
  });

  it('refuses an answer that is not of a Tenma API', async () => {
    await using le = await startFakeLe();
    const { client } = testClient(le);
    le.play((_request, response) => sendJson(response, 200, { hello: 'world' }));
    await expect(client.submit('echo', 1)).rejects.toMatchObject({ code: 'bad_response' });
  });
});

describe('closing a client', () => {
  it('lets submissions under way end and refuses later ones', async () => {
    await using le = await startFakeLe();
    const { client } = testClient(le);
    const submitted = client.submit('echo', 1);
    await client[Symbol.asyncDispose]();
    expect((await submitted).id).toBe([...le.tasks.keys()][0]);
    await expect(client.submit('echo', 2)).rejects.toMatchObject({ code: 'client_closed' });
  });

  it('ends the waits for results', async () => {
    await using le = await startFakeLe();
    const { client } = testClient(le);
    const handle = await client.submit('echo', 1);
    const asked = le.next(({ path }) => path.includes('wait='));
    const ended = expect(handle.result()).rejects.toMatchObject({ code: 'client_closed' });
    await asked;
    await client[Symbol.asyncDispose]();
    await ended;
  });
});
