import type { RequestListener } from 'node:http';
import { text } from 'node:stream/consumers';
import { freePort } from '@tenma/test-support';
import { describe, expect, test } from 'vitest';
import { httpAction, httpActionWorker, type HttpActionOutput } from './http-action.ts';
import { startHttp, startTcp } from './test-servers/listen.ts';

function act(input: Record<string, unknown>): Promise<HttpActionOutput> {
  const parsed = httpActionWorker.input.parse(input);
  return httpAction(parsed, { signal: new AbortController().signal, idempotencyKey: 'key-1' });
}

const mirror: RequestListener = (request, response) => {
  void text(request).then((body) => {
    const { 'idempotency-key': key, 'content-type': type, 'x-extra': extra } = request.headers;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ method: request.method, key, type, extra, body }));
  });
};

describe('http-action', () => {
  test('acts once, with the idempotency key of the task', async () => {
    await using target = await startHttp(mirror);
    const result = await act({ url: target.url, headers: { 'X-Extra': '1' }, body: { unit: 'câche' } });
    expect(result).toMatchObject({
      verdict: 'up',
      status: 200,
      body: { method: 'POST', key: 'key-1', type: 'application/json', extra: '1', body: '{"unit":"câche"}' },
      body_truncated: false,
    });
    expect(result.timings.first_byte_ms).toBeGreaterThan(0);
  });

  test('sends no body unless there is one', async () => {
    await using target = await startHttp(mirror);
    const result = await act({ url: target.url, method: 'DELETE' });
    expect(result.body).toEqual({ method: 'DELETE', key: 'key-1', body: '' });
  });

  test('gives text as text, broken JSON too, and at most 16 KiB', async () => {
    const answers: Record<string, [type: string, body: string]> = {
      '/text': ['text/plain', 'done'],
      '/broken': ['application/json', '{"a":'],
      '/large': ['application/json', JSON.stringify('x'.repeat(20_000))],
      '/empty': ['application/json', ''],
    };
    await using target = await startHttp((request, response) => {
      const [type, body] = answers[request.url ?? ''] ?? ['text/plain', '?'];
      response.setHeader('content-type', type).end(body);
    });
    const bodies = await Promise.all(Object.keys(answers).map((path) => act({ url: target.url + path })));
    expect(bodies.map(({ body }) => (typeof body === 'string' ? body.length : body))).toEqual([
      4,
      5,
      16_384,
      null,
    ]);
    expect(bodies.map(({ body_truncated }) => body_truncated)).toEqual([false, false, true, false]);
  });

  test.each([500, 503, 429, 404, 302])('is down after status %i, and follows nothing', async (status) => {
    await using target = await startHttp(
      (_request, response) => void response.writeHead(status, { location: '/elsewhere' }).end('no'),
    );
    const result = await act({ url: target.url });
    expect(result).toMatchObject({ verdict: 'down', reason: `status_${status}`, status, body: 'no' });
  });

  test('takes the status that is expected', async () => {
    await using target = await startHttp((_request, response) => void response.writeHead(409).end());
    expect(await act({ url: target.url, expect_status: ['2xx', 409] })).toMatchObject({ verdict: 'up' });
  });

  test('is down when the target refuses or keeps silent', async () => {
    await using silent = await startTcp(() => {});
    const refused = await act({ url: `http://127.0.0.1:${await freePort()}` });
    expect(refused).toMatchObject({
      verdict: 'down',
      reason: 'connection_refused',
      status: null,
      body: null,
    });
    const late = await act({ url: `http://127.0.0.1:${silent.port}`, timeout_ms: 50 });
    expect(late).toMatchObject({ verdict: 'down', reason: 'timeout' });
  });
});
