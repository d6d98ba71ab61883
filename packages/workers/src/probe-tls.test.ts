import { freePort } from '@tenma/test-support';
import { beforeAll, describe, expect, test } from 'vitest';
import { probeTls, probeTlsWorker, type ProbeTlsOutput } from './probe-tls.ts';
import { type Certificate, selfSignedCertificate } from './test-servers/certificates.ts';
import { startHttp, startTcp, startTls } from './test-servers/listen.ts';

let valid: Certificate;
let expired: Certificate;

beforeAll(async () => {
  [valid, expired] = await Promise.all([
    selfSignedCertificate({ daysTo: 30 }),
    selfSignedCertificate({ daysFrom: -30, daysTo: -2 }),
  ]);
});

const server = (certificate: Certificate) =>
  startHttp((_request, response) => void response.end(), certificate);

function probe(input: { port: number } & Record<string, unknown>): Promise<ProbeTlsOutput> {
  const parsed = probeTlsWorker.input.parse({ host: '127.0.0.1', ...input });
  return probeTls(parsed, new AbortController().signal);
}

describe('probe-tls', () => {
  test('gives the certificate, its names and how long it lasts', async () => {
    await using target = await server(valid);
    const result = await probe({ port: target.port, ca: valid.cert });
    expect(result).toMatchObject({
      verdict: 'up',
      verified: true,
      names: ['127.0.0.1', 'localhost', '*.test.example'],
      protocol: 'TLSv1.3',
      cipher: expect.stringMatching(/^TLS_/) as unknown,
      chain: [{ subject: 'CN=localhost', issuer: 'CN=localhost' }],
      remote_address: '127.0.0.1',
    });
    expect(result.days_left).toBeGreaterThan(29.8);
    expect(result.days_left).toBeLessThanOrEqual(30);
    expect(result.timings.tls_ms).toBeGreaterThan(0);
  });

  test('reports a certificate that it does not trust', async () => {
    await using target = await server(valid);
    const result = await probe({ port: target.port });
    expect(result).toMatchObject({ verdict: 'down', reason: 'tls_self_signed', verified: false });
    expect(result.chain).toHaveLength(1);
  });

  test('is down when the certificate has expired, and says since when', async () => {
    await using target = await server(expired);
    const result = await probe({ port: target.port, ca: expired.cert });
    expect(result).toMatchObject({ verdict: 'down', reason: 'tls_certificate_expired', verified: false });
    expect(result.days_left).toBeLessThan(-1.9);
  });

  test.each([
    [{ min_days_left: 29 }, 'ok'],
    [{ min_days_left: 31 }, 'tls_certificate_expires_soon'],
    [{ names: ['localhost', 'a.test.example'] }, 'ok'],
    [{ names: ['localhost', 'other.example'] }, 'tls_name_missing'],
    [{ server_name: 'b.test.example' }, 'ok'],
    [{ server_name: 'other.example' }, 'tls_name_mismatch'],
  ])('judges by %j: %s', async (asked, reason) => {
    await using target = await server(valid);
    expect(await probe({ port: target.port, ca: valid.cert, ...asked })).toMatchObject({ reason });
  });

  test('is down when the target speaks no TLS, closes, refuses or keeps silent', async () => {
    await using plain = await startTcp((socket) => socket.end('220 ready\r\n'));
    await using closing = await startTcp((socket) => socket.destroy());
    await using silent = await startTcp(() => {});
    const [noTls, closed, refused, late] = await Promise.all([
      probe({ port: plain.port }),
      probe({ port: closing.port }),
      probe({ port: await freePort() }),
      probe({ port: silent.port, timeout_ms: 50 }),
    ]);
    expect(noTls).toMatchObject({ verdict: 'down', reason: 'tls_handshake_failed' });
    expect(closed).toMatchObject({ verdict: 'down', reason: 'connection_reset' });
    expect(refused).toMatchObject({ verdict: 'down', reason: 'connection_refused' });
    expect(late).toMatchObject({ verdict: 'down', reason: 'timeout', days_left: null, chain: [] });
  });

  test('asks for the server name', async () => {
    const asked = Promise.withResolvers<unknown>();
    await using target = await startTls(valid, (socket) => asked.resolve(socket.servername));
    await probe({ port: target.port, server_name: 'c.test.example', ca: valid.cert });
    expect(await asked.promise).toBe('c.test.example');
  });

  test('ends with the abort when it is aborted', async () => {
    await using silent = await startTcp(() => {});
    const controller = new AbortController();
    const input = probeTlsWorker.input.parse({ host: '127.0.0.1', port: silent.port });
    const probing = probeTls(input, controller.signal);
    const reason = new Error('cancelled');
    controller.abort(reason);
    await expect(probing).rejects.toBe(reason);
  });
});
