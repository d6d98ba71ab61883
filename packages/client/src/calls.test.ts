import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { createClient } from './index.ts';
import { sendJson, startFakeLe } from './testing/index.ts';

describe('the list of tasks', () => {
  it('is fetched page by page as it is read, up to the limit', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    for (let index = 0; index < 7; index += 1) le.add({ type: index < 5 ? 'a' : 'b' });
    const all = await Array.fromAsync(client.tasks.list({ type: 'a', pageSize: 2 }));
    expect(all).toHaveLength(5);
    expect(le.requests).toHaveLength(3);
    expect(await Array.fromAsync(client.tasks.list({ limit: 3, pageSize: 2 }))).toHaveLength(3);
    expect(le.requests).toHaveLength(5);
  });

  it('takes every filter of the API', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    const createdAfter = new Date(0);
    const filters = {
      state: ['failed', 'expired'],
      region: 'any',
      labels: { env: 'prod' },
      createdAfter,
    } as const;
    expect(await Array.fromAsync(client.tasks.list(filters))).toEqual([]);
    expect(Object.fromEntries(new URL(le.requests[0]?.path ?? '', le.url).searchParams)).toEqual({
      page_size: '100',
      state: 'failed,expired',
      region: 'any',
      label: 'env:prod',
      created_after: '1970-01-01T00:00:00.000Z',
    });
  });
});

describe('a client', () => {
  it('cancels a task, and retries one that ended', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    const handle = await client.submit('echo', 1);
    expect(await handle.cancel()).toMatchObject({ state: 'cancelled' });
    expect(await client.tasks.retry(handle.id)).toMatchObject({ id: handle.id, state: 'accepted' });
    await expect(client.tasks.retry(handle.id)).rejects.toMatchObject({ code: 'invalid_state', status: 409 });
  });

  it('does not ask twice for a retry whose answer was lost', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    le.play((_request, response) => Boolean(response.destroy()));
    await expect(client.tasks.retry('x')).rejects.toMatchObject({ code: 'unreachable' });
    expect(le.requests).toHaveLength(1);
  });

  it('tells what LE says of its readiness, ready or not', async () => {
    const checks = { store: { ok: true, detail: '' }, bus: { ok: false, detail: 'refused' } };
    await using le = await startFakeLe({ readiness: { status: 'not_ready', checks } });
    await using client = createClient({ url: le.url });
    expect(await client.ready()).toMatchObject({ status: 'not_ready', checks });
  });

  it('sends its token, and lists types, workers and pools', async () => {
    const load = { slots: 4, running: 1, held: 0, queued: null, backlog: 0 };
    const pool = { region: 'tokyo', pool: 'echo-1', type: 'echo', labels: [], ...load, wees: ['wee-1'] };
    await using le = await startFakeLe({ lists: { pools: [pool] } });
    await using client = createClient({ url: `${le.url}/`, token: 'secret' });
    expect(await client.taskTypes()).toEqual([]);
    expect(await client.workers()).toEqual([]);
    expect(await client.pools()).toEqual([pool]);
    await expect(client.taskType('none')).rejects.toMatchObject({ code: 'unknown_type' });
    expect(le.requests.every(({ headers }) => headers.authorization === 'Bearer secret')).toBe(true);
  });

  it('has a type forgotten, and asks once when the answer is lost', async () => {
    const lists = { 'task-types': [{ type: 'echo' }, { type: 'other' }] };
    await using le = await startFakeLe({ lists });
    await using client = createClient({ url: le.url });
    expect(await client.forgetTaskType('echo')).toBeUndefined();
    expect(le.requests).toMatchObject([{ method: 'DELETE', path: '/api/v1/task-types/echo' }]);
    expect(lists['task-types']).toEqual([{ type: 'other' }]);
    await expect(client.forgetTaskType('echo')).rejects.toMatchObject({ code: 'unknown_type', status: 404 });
    le.play((_request, response) => Boolean(response.destroy()));
    await expect(client.forgetTaskType('other')).rejects.toMatchObject({ code: 'unreachable' });
    expect(le.requests).toHaveLength(3);
  });

  it('calls a proxy in the way what it is', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url, retryForMs: 0 });
    le.play((_request, response) => sendJson(response, 502, 'bad gateway'));
    await expect(client.taskTypes()).rejects.toMatchObject({
      code: 'http_502',
      hint: expect.stringContaining('proxy'),
    });
  });
});

describe('the types', () => {
  it('of a definition with schemas are those of the call', () => {
    const client = createClient();
    const definition = {
      type: 'probe-http',
      input: z.object({ url: z.string(), tries: z.int().default(1) }),
      output: z.object({ ok: z.boolean() }),
    };
    const call = () => client.run(definition, { url: 'https://example.com' });
    expectTypeOf(call).returns.resolves.toEqualTypeOf<{ ok: boolean }>();
    // @ts-expect-error: the input lacks its url
    const wrong = () => client.run(definition, {});
    expectTypeOf(wrong).toBeFunction();
    const named = () => client.run('probe-http', { anything: true });
    expectTypeOf(named).returns.resolves.toEqualTypeOf<unknown>();
    const many = () => client.map(definition, { url: 'x' }, { regions: ['tokyo'] });
    expectTypeOf(many).returns.resolves.items.toHaveProperty('taskId');
    const handle = () => client.task<typeof definition>('id').result();
    expectTypeOf(handle).returns.resolves.toEqualTypeOf<{ ok: boolean }>();
  });
});
