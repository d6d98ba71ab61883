import type { Confirmation, FailoverTaskOutput } from '@tenma/protocol';
import { freePort } from '@tenma/test-support';
import { AttemptAborted, runWorker } from '@tenma/worker';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Listening, startHttp, startTcp } from '../test-servers/listen.ts';
import { proposalOf } from './confirm.ts';
import { confirmFailover, regionFailoverWorker } from './worker.ts';

type Lost = { node_id: string; probe_type: string; probe_input: Record<string, unknown> };

const task = { id: 't', attempt: 1, idempotency_key: 'k', region: 'eu-west-1' };

function tcpNode(node_id: string, port: number, more: Record<string, unknown> = {}): Lost {
  return { node_id, probe_type: 'probe-tcp', probe_input: { host: '127.0.0.1', port, ...more } };
}

function httpNode(node_id: string, { url }: Listening, more: Record<string, unknown> = {}): Lost {
  return { node_id, probe_type: 'probe-http', probe_input: { url, ...more } };
}

function confirm(
  lost: readonly Lost[],
  settings: Record<string, unknown> = {},
  signal = new AbortController().signal,
): Promise<FailoverTaskOutput> {
  const input = { from_region: 'ap-northeast-1', lost, confirm_timeout_ms: 6_000, ...settings };
  return confirmFailover(regionFailoverWorker.input.parse(input), { signal, task });
}

describe('region-failover', () => {
  test('proposes to fail over when all nodes are down, with what it saw from where', async () => {
    const port = await freePort();
    const output = await confirm([tcpNode('a', port), tcpNode('b', port)], { to_region: 'us-east-1' });
    expect(output).toEqual({
      proposal: 'fail_over',
      from_region: 'ap-northeast-1',
      to_region: 'us-east-1',
      confirmed_from: 'eu-west-1',
      confirmations: ['a', 'b'].map((node_id) => ({
        node_id,
        region_id: 'ap-northeast-1',
        verdict: 'down',
        reason: 'connection_refused',
      })),
    });
  });

  test('proposes to stay when the nodes answer after all, and leaves the target to LE', async () => {
    await using node = await startHttp((_, response) => response.end('well'));
    const output = await confirm([httpNode('a', node), tcpNode('b', node.port)]);
    expect(output).toMatchObject({ proposal: 'stay', to_region: null });
    expect(output.confirmations.map(({ verdict, reason }) => [verdict, reason])).toEqual([
      ['up', null],
      ['up', null],
    ]);
  });

  test('hears a node that lost the first probe and answers the second', async () => {
    let probes = 0;
    await using node = await startHttp((_, response) => void (++probes > 1 && response.end('well')));
    const output = await confirm([httpNode('a', node)]);
    expect(output).toMatchObject({ proposal: 'stay', confirmations: [{ verdict: 'up' }] });
    expect(probes).toBe(2);
  });

  test('does not ask a second time where the first answer is there', async () => {
    let probes = 0;
    await using node = await startHttp((_, response) => response.end(String(++probes)));
    const startedAt = performance.now();
    await confirm([httpNode('a', node)], { confirm_timeout_ms: 30_000 });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(probes).toBe(1);
  });

  test('waits for a silent node no longer than it may, whatever the probe allows itself', async () => {
    let probes = 0;
    await using silent = await startHttp(() => (probes += 1));
    const startedAt = performance.now();
    const own = { timeout_ms: 30_000 };
    const lost = [httpNode('a', silent, own), tcpNode('b', silent.port, { expect: 'hello', ...own })];
    const output = await confirm(lost, { confirm_timeout_ms: 1_500 });
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(output.proposal).toBe('fail_over');
    expect(output.confirmations.map(({ reason }) => reason)).toEqual(['timeout', 'timeout']);
    // On a machine that stood still there was no time left for the second.
    expect([1, 2]).toContain(probes);
  });

  test('probes 50 nodes at once', async () => {
    let open = 0;
    const all = Promise.withResolvers<void>();
    await using node = await startTcp((socket) => {
      if (++open === 50) all.resolve();
      void all.promise.then(() => socket.write('hello'));
    });
    const lost = Array.from({ length: 50 }, (_, at) => tcpNode(`n${at}`, node.port, { expect: 'hello' }));
    const output = await confirm(lost, { confirm_timeout_ms: 10_000 });
    expect(output.confirmations.map(({ node_id }) => node_id)).toEqual(lost.map(({ node_id }) => node_id));
    expect(output.confirmations.every(({ verdict }) => verdict === 'up')).toBe(true);
  });

  test('says nothing of a node that it cannot probe, and counts it neither way', async () => {
    await using node = await startTcp(() => {});
    const port = await freePort();
    const unknown = { node_id: 'x', probe_type: 'probe-tape', probe_input: {} };
    const misfit = { node_id: 'y', probe_type: 'probe-tcp', probe_input: { port: 0 } };
    const [fits, down] = await Promise.all([
      confirm([unknown, tcpNode('a', node.port), misfit]),
      confirm([unknown, misfit, tcpNode('a', port)]),
    ]);
    expect(fits).toMatchObject({ proposal: 'stay', confirmations: [{ node_id: 'a' }] });
    expect(fits.confirmations).toHaveLength(1);
    expect(down).toMatchObject({ proposal: 'fail_over', confirmations: [{ verdict: 'down' }] });
    expect(await confirm([unknown])).toMatchObject({ proposal: 'fail_over', confirmations: [] });
    expect(await confirm([])).toMatchObject({ proposal: 'fail_over', confirmations: [] });
  });

  test('ends when it is aborted', async () => {
    const probed = Promise.withResolvers<void>();
    await using silent = await startHttp(() => probed.resolve());
    const controller = new AbortController();
    const confirming = confirm([httpNode('a', silent)], { confirm_timeout_ms: 30_000 }, controller.signal);
    await probed.promise;
    const reason = new AttemptAborted('cancelled');
    controller.abort(reason);
    await expect(confirming).rejects.toBe(reason);
  });

  test('is a worker that is tried once', async () => {
    expect(regionFailoverWorker).toMatchObject({ cost: 'light', retry: { max_attempts: 1 } });
    const { signal } = new AbortController();
    const input = { from_region: 'ap-northeast-1' };
    const outcome = await runWorker(regionFailoverWorker, { input, task, signal });
    expect(outcome).toMatchObject({ kind: 'succeeded', output: { proposal: 'fail_over' } });
  });
});

describe('the proposal', () => {
  const confirmations = (up: number, down: number): Confirmation[] =>
    [...Array<'up'>(up).fill('up'), ...Array<'down'>(down).fill('down')].map((verdict, at) => ({
      node_id: `n${at}`,
      region_id: 'r',
      verdict,
      reason: null,
    }));

  test.each([
    [0, 0, 'fail_over'],
    [0, 1, 'fail_over'],
    [1, 0, 'stay'],
    [1, 1, 'stay'],
    [1, 2, 'fail_over'],
    [2, 2, 'stay'],
    [24, 26, 'fail_over'],
  ])('of %i up and %i down is to %s', (up, down, proposal) => {
    expect(proposalOf(confirmations(up, down))).toBe(proposal);
  });

  test('is never to leave a region of which at least half answers', () => {
    const counts = fc.tuple(fc.nat(25), fc.nat(25)).filter(([up, down]) => up >= down && up > 0);
    fc.assert(fc.property(counts, ([up, down]) => proposalOf(confirmations(up, down)) === 'stay'));
  });
});
