import { freePort } from '@tenma/test-support';
import { describe, expect, test } from 'vitest';
import { probeTcp, probeTcpWorker, type ProbeTcpOutput } from './probe-tcp.ts';
import { startTcp } from './test-servers/listen.ts';

function probe(input: { port: number } & Record<string, unknown>): Promise<ProbeTcpOutput> {
  const parsed = probeTcpWorker.input.parse({ host: '127.0.0.1', ...input });
  return probeTcp(parsed, new AbortController().signal);
}

describe('probe-tcp', () => {
  test('is up when the port takes connections', async () => {
    await using server = await startTcp(() => {});
    const result = await probe({ port: server.port });
    expect(result).toMatchObject({ verdict: 'up', remote_address: '127.0.0.1', received: null });
    expect(result.timings).toMatchObject({ dns_ms: null, tls_ms: null, first_byte_ms: null });
    expect(result.timings.connect_ms).toBeGreaterThan(0);
  });

  test('sends and finds what it expects, also in pieces', async () => {
    await using server = await startTcp((socket) => {
      socket.once('data', (chunk) => {
        socket.write(String(chunk).toUpperCase().slice(0, 2));
        setImmediate(() => socket.write('NG'));
      });
    });
    const result = await probe({ port: server.port, send: 'ping', expect: 'PING' });
    expect(result).toMatchObject({ verdict: 'up', received: 'PING' });
    expect(result.timings.first_byte_ms).toBeGreaterThan(0);
  });

  test('hands over what it sends without waiting for an answer', async () => {
    let received = '';
    const { promise, resolve } = Promise.withResolvers<void>();
    await using server = await startTcp((socket) => {
      socket.on('data', (chunk) => {
        received += String(chunk);
        resolve();
      });
    });
    expect(await probe({ port: server.port, send: 'QUIT' })).toMatchObject({ verdict: 'up' });
    await promise;
    expect(received).toBe('QUIT');
  });

  test('is down when something else comes', async () => {
    await using server = await startTcp((socket) => socket.end('220 ready'));
    const result = await probe({ port: server.port, expect: '+OK' });
    expect(result).toMatchObject({ verdict: 'down', reason: 'expect_mismatch', received: '220 ready' });
  });

  test('is down when nothing comes in time', async () => {
    await using server = await startTcp(() => {});
    const result = await probe({ port: server.port, expect: '+OK', timeout_ms: 50 });
    expect(result).toMatchObject({ verdict: 'down', reason: 'timeout', received: '' });
  });

  test('is down when the connection is refused', async () => {
    const result = await probe({ port: await freePort() });
    expect(result).toMatchObject({ verdict: 'down', reason: 'connection_refused', remote_address: null });
  });

  test('ends with the abort when it is aborted', async () => {
    await using server = await startTcp(() => {});
    const controller = new AbortController();
    const input = probeTcpWorker.input.parse({ host: '127.0.0.1', port: server.port, expect: 'never' });
    const probing = probeTcp(input, controller.signal);
    const reason = new Error('cancelled');
    controller.abort(reason);
    await expect(probing).rejects.toBe(reason);
  });
});
