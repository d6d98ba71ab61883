import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runForTest, startForTest } from '@tenma/worker/testing';
import { describe, expect, it } from 'vitest';
import rollingRestart from './index.ts';

interface Target extends AsyncDisposable {
  readonly address: string;
  readonly keys: readonly unknown[];
}

/** Something on loopback that is well again after it was asked so many times; never, if that is Infinity. */
async function startTarget(wellAfter: number, onRestart: () => void = () => undefined): Promise<Target> {
  const keys: unknown[] = [];
  let asked = 0;
  const server = createServer(({ url, headers }, response) => {
    if (url === '/restart') {
      keys.push(headers['idempotency-key']);
      onRestart();
    } else asked += 1;
    response.writeHead(url === '/healthz' && asked <= wellAfter ? 503 : 200).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    keys,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('rolling-restart', () => {
  it('restarts one after the other, and tells how far it is', async () => {
    await using first = await startTarget(3);
    await using second = await startTarget(0);
    const targets = [first.address, second.address];
    const { outcome, progress } = await runForTest(rollingRestart, { targets });
    expect(outcome).toEqual({ kind: 'succeeded', output: { restarted: 2 } });
    expect(progress).toEqual([
      { done: 0, of: 2, now: first.address },
      { done: 1, of: 2, now: second.address },
      { done: 2, of: 2, now: null },
    ]);
    expect([...first.keys, ...second.keys]).toEqual(['test-key/0', 'test-key/1']);
  });

  it('leaves the rest alone when one is not well again', async () => {
    await using ill = await startTarget(Infinity);
    await using next = await startTarget(0);
    const { outcome } = await runForTest(rollingRestart, { targets: [ill.address, next.address] });
    expect(outcome).toMatchObject({
      kind: 'failed',
      error: { code: 'not_well_again', retryable: false, details: { restarted: 0 } },
    });
    expect(next.keys).toEqual([]);
  });

  it('stops between two targets when it is cancelled', async () => {
    await using first = await startTarget(0, () => run.cancel());
    await using next = await startTarget(0);
    const run = startForTest(rollingRestart, { targets: [first.address, next.address] });
    expect((await run.ended).outcome).toMatchObject({ kind: 'failed', error: { code: 'cancelled' } });
    expect(next.keys).toEqual([]);
  });
});
