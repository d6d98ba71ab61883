import type { LookupFunction } from 'node:net';
import type { RequestListener } from 'node:http';
import { freePort } from '@tenma/test-support';
import { describe, expect, test } from 'vitest';
import { probeHttp, probeHttpWorker, type ProbeHttpOutput } from './probe-http.ts';
import { selfSignedCertificate } from './test-servers/certificates.ts';
import { startHttp, startTcp } from './test-servers/listen.ts';

/** Validates the input as a WEE does, so that defaults apply. */
async function probe(
  input: Parameters<typeof probeHttpWorker.input.parse>[0],
  context: { signal?: AbortSignal; lookup?: LookupFunction } = {},
): Promise<ProbeHttpOutput> {
  const signal = context.signal ?? new AbortController().signal;
  return probeHttp(probeHttpWorker.input.parse(input), { ...context, signal });
}

const hello: RequestListener = (_request, response) => void response.end('hello, world');

const loopback: LookupFunction = (_host, _options, done) =>
  void setImmediate(done, null, [{ address: '127.0.0.1', family: 4 }]);

const failingLookup = (code: string): LookupFunction => {
  return (_host, _options, done) => done(Object.assign(new Error(`getaddrinfo ${code}`), { code }), []);
};

describe('probe-http on a target that answers', () => {
  test('gives up, the time of every phase, and what it saw', async () => {
    await using server = await startHttp(hello);
    const result = await probe({ url: server.url });
    expect(result).toMatchObject({
      verdict: 'up',
      reason: 'ok',
      status: 200,
      remote_address: '127.0.0.1',
      body_bytes: 12,
      http_version: '1.1',
    });
    const { timings } = result;
    expect(timings).toMatchObject({ dns_ms: null, tls_ms: null });
    expect(timings.connect_ms).toBeGreaterThan(0);
    expect(timings.first_byte_ms).toBeGreaterThan(0);
    expect(timings.total_ms).toBeGreaterThanOrEqual((timings.connect_ms ?? 0) + (timings.first_byte_ms ?? 0));
  });

  test('times the lookup of a name', async () => {
    await using server = await startHttp(hello);
    const { port } = new URL(server.url);
    const result = await probe({ url: `http://target.example:${port}` }, { lookup: loopback });
    expect(result.verdict).toBe('up');
    expect(result.timings.dns_ms).toBeGreaterThanOrEqual(0);
  });

  test('sends the method and the headers', async () => {
    await using server = await startHttp((request, response) => {
      response.statusCode = request.method === 'HEAD' && request.headers['x-probe'] === '1' ? 204 : 500;
      response.end();
    });
    const result = await probe({ url: server.url, method: 'HEAD', headers: { 'X-Probe': '1' } });
    expect(result).toMatchObject({ verdict: 'up', status: 204, body_bytes: 0 });
  });

  test.each([
    [['2xx'], 'status_404'],
    [[404], 'ok'],
    [['400-410'], 'ok'],
    [[200, '405-499'], 'status_404'],
  ])('expects the status among %j: %s', async (expect_status, reason) => {
    await using server = await startHttp((_request, response) => void response.writeHead(404).end());
    expect(await probe({ url: server.url, expect_status })).toMatchObject({ status: 404, reason });
  });

  test.each([
    ['world', 'ok'],
    [{ regex: '^HELLO', flags: 'i' }, 'ok'],
    ['mars', 'body_mismatch'],
  ])('matches the body with %j: %s', async (body_match, reason) => {
    await using server = await startHttp(hello);
    expect(await probe({ url: server.url, body_match })).toMatchObject({ reason });
  });

  test('reads at most 64 KiB', async () => {
    await using server = await startHttp((_request, response) => void response.end('x'.repeat(1_000_000)));
    expect(await probe({ url: server.url })).toMatchObject({ verdict: 'up', body_bytes: 65_536 });
  });

  test('reads a body that ends with the connection', async () => {
    await using server = await startTcp((socket) => {
      socket.once('data', () => socket.end(`HTTP/1.0 200 OK\r\n\r\n${'x'.repeat(30_000)}`));
    });
    const result = await probe({ url: `http://127.0.0.1:${server.port}` });
    expect(result).toMatchObject({ verdict: 'up', body_bytes: 30_000 });
  });

  test('gives up on a regular expression that never ends, and says so', async () => {
    await using server = await startHttp((_request, response) => void response.end(`${'a'.repeat(40)}b`));
    await expect(probe({ url: server.url, body_match: { regex: '^(a+)+$' } })).rejects.toMatchObject({
      code: 'body_match_too_slow',
      retryable: false,
    });
  });
});

describe('probe-http and redirects', () => {
  const chain: RequestListener = (request, response) => {
    const left = Number(request.url?.slice(1));
    if (left > 0) response.writeHead(302, { location: `/${left - 1}` });
    response.end();
  };

  test('judges a redirect itself unless told to follow', async () => {
    await using server = await startHttp(chain);
    expect(await probe({ url: `${server.url}/2` })).toMatchObject({ verdict: 'up', status: 302 });
  });

  test('follows as many as it may', async () => {
    await using server = await startHttp(chain);
    const two = await probe({ url: `${server.url}/2`, follow_redirects: 2 });
    expect(two).toMatchObject({ verdict: 'up', status: 200, url: `${server.url}/0` });
    const three = await probe({ url: `${server.url}/3`, follow_redirects: 2 });
    expect(three).toMatchObject({ verdict: 'down', reason: 'too_many_redirects' });
  });

  test('does not follow to another protocol', async () => {
    await using server = await startHttp(
      (_request, response) => void response.writeHead(301, { location: 'file:///etc/passwd' }).end(),
    );
    expect(await probe({ url: server.url, follow_redirects: 1 })).toMatchObject({
      reason: 'redirect_invalid',
    });
  });

  test('hands no credentials to another site', async () => {
    let seen: unknown;
    await using other = await startHttp((request, response) => {
      seen = [request.headers.authorization, request.headers['x-kept']];
      response.end();
    });
    await using server = await startHttp(
      (_request, response) => void response.writeHead(307, { location: other.url }).end(),
    );
    await probe({
      url: server.url,
      follow_redirects: 1,
      headers: { Authorization: 'secret', 'x-kept': 'yes' },
    });
    expect(seen).toEqual([undefined, 'yes']);
  });
});

describe('probe-http on a target that is down never throws', () => {
  test('connection refused', async () => {
    const result = await probe({ url: `http://127.0.0.1:${await freePort()}` });
    expect(result).toMatchObject({ verdict: 'down', reason: 'connection_refused', status: null });
  });

  test.each([
    ['before the answer', ''],
    ['in the middle of the body', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf'],
  ])('connection closed %s', async (_when, bytes) => {
    await using server = await startTcp((socket) => socket.once('data', () => socket.end(bytes)));
    const result = await probe({ url: `http://127.0.0.1:${server.port}` });
    expect(result).toMatchObject({ verdict: 'down', reason: 'connection_reset' });
  });

  test('an upgrade that nobody asked for', async () => {
    const answer = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n';
    await using server = await startTcp((socket) => socket.once('data', () => socket.write(answer)));
    const result = await probe({ url: `http://127.0.0.1:${server.port}` });
    expect(result).toMatchObject({ verdict: 'down', reason: 'status_101', status: 101 });
  });

  test('an answer that is not HTTP', async () => {
    await using server = await startTcp((socket) => socket.once('data', () => socket.end('SSH-2.0-x\r\n')));
    const result = await probe({ url: `http://127.0.0.1:${server.port}` });
    expect(result).toMatchObject({ verdict: 'down', reason: 'invalid_response' });
  });

  test.each([
    ['', 'no answer came'],
    ['HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf', 'the body did not end'],
  ])('timeout after %j', async (bytes, phase) => {
    await using server = await startTcp((socket) => socket.once('data', () => socket.write(bytes)));
    const result = await probe({ url: `http://127.0.0.1:${server.port}`, timeout_ms: 1_000 });
    expect(result).toMatchObject({ verdict: 'down', reason: 'timeout' });
    expect(result.message).toContain(phase);
  });

  test.each([
    ['ENOTFOUND', 'dns_not_found'],
    ['EAI_AGAIN', 'dns_unavailable'],
  ])('a name that does not resolve (%s): %s', async (code, reason) => {
    const result = await probe({ url: 'http://target.example/' }, { lookup: failingLookup(code) });
    expect(result).toMatchObject({ verdict: 'down', reason, remote_address: null });
  });
});

describe('probe-http over TLS', () => {
  test('times the handshake with a certificate it trusts, and refuses one it does not', async () => {
    const certificate = await selfSignedCertificate();
    await using server = await startHttp(hello, certificate);
    const trusted = await probe({ url: server.url, ca: certificate.cert });
    expect(trusted).toMatchObject({ verdict: 'up', status: 200 });
    expect(trusted.timings.tls_ms).toBeGreaterThan(0);
    expect(await probe({ url: server.url })).toMatchObject({ verdict: 'down', reason: 'tls_self_signed' });
    const misnamed = { url: server.url.replace('127.0.0.1', 'other.example'), ca: certificate.cert };
    expect(await probe(misnamed, { lookup: loopback })).toMatchObject({ reason: 'tls_name_mismatch' });
  });

  test('says that a certificate has expired', async () => {
    const certificate = await selfSignedCertificate({ daysFrom: -30, daysTo: -1 });
    await using server = await startHttp(hello, certificate);
    const result = await probe({ url: server.url, ca: certificate.cert });
    expect(result).toMatchObject({ verdict: 'down', reason: 'tls_certificate_expired' });
  });

  test('says that the target speaks no TLS', async () => {
    await using server = await startHttp(hello);
    const result = await probe({ url: server.url.replace('http:', 'https:') });
    expect(result).toMatchObject({ verdict: 'down', reason: 'tls_handshake_failed' });
  });
});

describe('an attempt of probe-http', () => {
  test('ends with the abort when it is aborted', async () => {
    await using server = await startTcp(() => {});
    const controller = new AbortController();
    const probing = probe({ url: `http://127.0.0.1:${server.port}` }, { signal: controller.signal });
    const reason = new Error('cancelled');
    controller.abort(reason);
    await expect(probing).rejects.toBe(reason);
  });

  test.each([
    { url: 'ftp://127.0.0.1' },
    { url: 'http://127.0.0.1', headers: { 'x y': '1' } },
    { url: 'http://127.0.0.1', headers: { x: 'a\r\nb' } },
    { url: 'http://127.0.0.1', body_match: { regex: '(' } },
    { url: 'http://127.0.0.1', expect_status: ['ok'] },
    { url: 'http://127.0.0.1', follow_redirects: 6 },
    { url: 'http://127.0.0.1', unknown: true },
  ])('is not made with %j', (input) => {
    expect(probeHttpWorker.input.safeParse(input).success).toBe(false);
  });
});
