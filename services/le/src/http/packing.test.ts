import { request as httpRequest } from 'node:http';
import { once } from 'node:events';
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { limits } from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import type { Intake } from '../intake.ts';
import { buildApp } from './app.ts';
import { createFakes, eventsPath, serve, taskId } from './fixture.ts';

interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly hint?: string;
  readonly errors?: readonly { pointer: string; detail: string }[];
}

describe('an answer', () => {
  it.each([
    ['zstd', zstdDecompressSync],
    ['gzip', gunzipSync],
  ] as const)('above 1 KiB is packed as the request accepts it: %s', async (encoding, unpack) => {
    await using app = await buildApp(createFakes().components);
    const plain = await app.inject({ method: 'GET', url: '/openapi.json' });
    const headers = { 'accept-encoding': `br, ${encoding}` };
    const packed = await app.inject({ method: 'GET', url: '/openapi.json', headers });
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect(packed.headers).toMatchObject({ 'content-encoding': encoding, vary: 'accept-encoding' });
    expect(packed.rawPayload.length).toBeLessThan(plain.rawPayload.length / 4);
    expect.assert(unpack(packed.rawPayload).equals(plain.rawPayload), 'the same document');
  });

  it.each([
    ['small', `/api/v1/tasks/${taskId}`, 'zstd, gzip'],
    ['asked for in br', '/openapi.json', 'br'],
    ['refused to be packed', '/openapi.json', 'identity'],
  ])('goes as it is when it is %s', async (_what, url, accepted) => {
    await using app = await buildApp(createFakes().components);
    const answer = await app.inject({ method: 'GET', url, headers: { 'accept-encoding': accepted } });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-encoding']).toBeUndefined();
    expect(() => answer.json<unknown>()).not.toThrow();
  });

  it('that is a stream of events is never packed', async () => {
    await using served = await serve(createFakes());
    const request = httpRequest(`${served.url}${eventsPath}`, {
      headers: { 'accept-encoding': 'zstd, gzip' },
    });
    request.end();
    const [answer] = (await once(request, 'response')) as [NodeJS.ReadableStream & { headers: object }];
    expect(answer.headers).toMatchObject({ 'content-type': 'text/event-stream' });
    expect(answer.headers).not.toHaveProperty('content-encoding');
    const [chunk] = (await once(answer, 'data')) as [Buffer];
    expect(chunk.toString()).toContain('retry: 2000');
    request.destroy();
  });
});

describe('a packed body', () => {
  const post = async (payload: Buffer, encoding: string, url = '/api/v1/tasks') => {
    await using app = await buildApp(createFakes().components);
    const headers = { 'content-type': 'application/json', 'content-encoding': encoding };
    const answer = await app.inject({ method: 'POST', url, headers, payload });
    return { status: answer.statusCode, ...answer.json<Problem>() };
  };
  const unsaid = JSON.stringify({ nothing: 'of a task' });

  it.each([
    ['zstd', zstdCompressSync],
    ['gzip', gzipSync],
    ['GZIP', gzipSync],
    ['identity', (text: string) => Buffer.from(text)],
  ])('is read like any other, and its items are measured: %s', async (encoding, packed) => {
    const tasks = [{ type: 'echo', input: 'x'.repeat(limits.taskBytes) }];
    const asked: unknown[] = [];
    const intake = {
      submit: (items: unknown, { checkSizes }: { checkSizes: boolean }) => {
        asked.push(items, checkSizes);
        return Promise.resolve([]);
      },
    } as unknown as Intake;
    await using app = await buildApp({ ...createFakes().components, intake });
    await app.inject({
      method: 'POST',
      url: '/api/v1/tasks/batch',
      headers: { 'content-type': 'application/json', 'content-encoding': encoding },
      payload: packed(JSON.stringify({ tasks })),
    });
    expect(asked).toEqual([tasks, true]);
  });

  it('is measured as it is unpacked', async () => {
    const text = JSON.stringify({ type: 'echo', input: 'x'.repeat(limits.taskBytes) });
    expect(await post(zstdCompressSync(text), 'zstd')).toMatchObject({ status: 413, code: 'too_large' });
    const bomb = zstdCompressSync(Buffer.alloc(512 * 1024 * 1024));
    const before = process.memoryUsage().rss;
    expect(await post(bomb, 'zstd', '/api/v1/tasks/batch')).toMatchObject({ status: 413 });
    expect(process.memoryUsage().rss - before).toBeLessThan(128 * 1024 * 1024);
  });

  it('that is too long even packed is answered, on a connection that then ends', async () => {
    await using served = await serve(createFakes());
    const answer = await fetch(`${served.url}/api/v1/tasks`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: Buffer.alloc(limits.taskBytes + 1),
    });
    expect(answer.status).toBe(413);
    expect(answer.headers.get('connection')).toBe('close');
  });

  it.each(['br', 'deflate', 'gzip, zstd'])(
    'in a way that is not known names those that are: %s',
    async (encoding) => {
      const refused = await post(gzipSync(unsaid), encoding);
      expect(refused).toMatchObject({ status: 415, code: 'unsupported_media_type' });
      expect(refused.hint).toMatch(/zstd or gzip/);
    },
  );

  it.each(['zstd', 'gzip'])('that is not what it says is malformed: %s', async (encoding) => {
    const refused = await post(Buffer.from(unsaid), encoding);
    expect(refused).toMatchObject({ status: 400, code: 'invalid_json' });
    expect(refused.errors?.[0]?.detail).toMatch(/cannot be unpacked/);
  });
});
