import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runForTest } from '@tenma/worker/testing';
import { describe, expect, it } from 'vitest';
import drainBackend from './index.ts';

/** A load balancer on loopback. */
async function balancerFor(answer: RequestListener): Promise<{ address: string } & AsyncDisposable> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('drain-backend', () => {
  it('tells the balancer once, by its key, and answers what it says', async () => {
    const asked: unknown[] = [];
    await using balancer = await balancerFor(({ method, url, headers }, response) => {
      asked.push({ method, url, key: headers['idempotency-key'] });
      response.end(JSON.stringify({ state: 'draining', connections: 12 }));
    });
    const input = { balancer: balancer.address, backend: 'web-1' };
    const { outcome, logs } = await runForTest(drainBackend, input, { idempotencyKey: 'order-66' });
    expect(outcome).toEqual({ kind: 'succeeded', output: { state: 'draining', connections: 12 } });
    expect(asked).toEqual([{ method: 'PUT', url: '/backends/web-1/drain', key: 'order-66' }]);
    expect(logs).toHaveLength(1);
  });

  it.each([
    [404, { name: 'UnknownBackend', code: 'unknown_backend', retryable: false }],
    [503, { code: 'balancer_refused', retryable: true }],
    [403, { code: 'balancer_refused', retryable: false }],
  ])('fails when the balancer answers %i', async (status, error) => {
    await using balancer = await balancerFor((_, response) => response.writeHead(status).end());
    const { outcome } = await runForTest(drainBackend, { balancer: balancer.address, backend: 'web-1' });
    expect(outcome).toMatchObject({ kind: 'failed', error });
  });
});
