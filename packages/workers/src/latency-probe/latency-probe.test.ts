import { once } from 'node:events';
import { AttemptAborted, runWorker } from '@tenma/worker';
import { freePort } from '@tenma/test-support';
import { describe, expect, test } from 'vitest';
import { workersConfig } from '../config.ts';
import { startDelayingProxy, startEcho } from '../test-servers/echo.ts';
import { startTcp } from '../test-servers/listen.ts';
import { latencyProbe, type LatencyProbeContext, latencyProbeWorker } from './worker.ts';

type Method = 'echo' | 'connect';

const target = (port: number, method: Method = 'echo', region_id = 'there') => ({
  region_id,
  endpoint: `127.0.0.1:${port}`,
  method,
});

function probe(
  targets: readonly ReturnType<typeof target>[],
  settings: Record<string, number> = {},
  context: Partial<LatencyProbeContext> = {},
) {
  const input = latencyProbeWorker.input.parse({ targets, spacing_ms: 1, ...settings });
  return latencyProbe(input, { signal: new AbortController().signal, region: 'here', ...context });
}

/** Of an odd number of values. */
const medianOf = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** The only result of a probe of one target. */
async function resultOf(...args: Parameters<typeof probe>) {
  const { results } = await probe(...args);
  expect(results).toHaveLength(1);
  return results[0]!;
}

describe('latency-probe by echo', () => {
  test('gives as many round trips as it was asked for, and their median', async () => {
    await using server = await startEcho();
    const result = await resultOf([target(server.port)], { samples: 4 });
    expect(result).toMatchObject({ ...target(server.port), lost: 0, reason: null });
    const sorted = result.samples_ms.toSorted((a, b) => a - b);
    expect(sorted).toHaveLength(4);
    expect(sorted[0]).toBeGreaterThan(0);
    expect(result.p50_ms).toBeCloseTo((sorted[1]! + sorted[2]!) / 2, 1);
    for (const ms of result.samples_ms) expect(ms).toBe(Math.round(ms * 100) / 100);
  });

  // Timers are late where others take the machine: what the path took is what the proxy says, not what it was told.
  test.each([10, 40])('sees a path of %i ms each way, within 2 ms and a tenth', async (oneWayMs) => {
    await using server = await startEcho();
    await using proxy = await startDelayingProxy(server.port, oneWayMs);
    const { p50_ms, samples_ms } = await resultOf([target(proxy.port)], { samples: 9 });
    const tookMs = medianOf(proxy.roundTripsMs);
    expect([samples_ms.length, proxy.roundTripsMs.length]).toEqual([9, 9]);
    expect(tookMs).toBeGreaterThan(2 * oneWayMs - 2);
    // One is within the other, up to the rounding.
    expect(p50_ms).toBeGreaterThan(tookMs - 0.01);
    expect(p50_ms).toBeLessThan(1.1 * tookMs + 2);
  });

  test('dials once, and speaks before anything else is said', async () => {
    let connections = 0;
    const lines: string[] = [];
    await using server = await startTcp((socket) => {
      connections += 1;
      socket.on('data', (chunk) => {
        lines.push(String(chunk));
        socket.write(chunk);
      });
    });
    await probe([target(server.port)], { samples: 3 });
    expect(connections).toBe(1);
    expect(lines).toHaveLength(3);
    expect(lines.every((line) => line.endsWith('\n') && line.length <= 64)).toBe(true);
  });

  test('counts a line that comes too late as lost, and not as the next one', async () => {
    await using server = await startTcp((socket) => {
      const held: string[] = [];
      socket.on('data', (chunk) => {
        held.push(String(chunk));
        // The first line is kept until the second has come.
        if (held.length >= 2) socket.write(held.splice(0).join(''));
        if (held.length === 0) socket.on('data', () => socket.write(held.splice(0).join('')));
      });
    });
    const result = await resultOf([target(server.port)], { samples: 3, timeout_ms: 2_500 });
    expect(result).toMatchObject({ lost: 1, reason: 'timeout' });
    expect(result.samples_ms).toHaveLength(2);
  });

  test.each([
    ['answers with something else', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['answers without an end', 'x'.repeat(100)],
    ['repeats what was not sent', 'tenma 999\n'],
  ])('takes no round trip from a server that %s', async (_, answer) => {
    await using server = await startTcp((socket) => socket.once('data', () => socket.write(answer)));
    const result = await resultOf([target(server.port)]);
    expect(result).toMatchObject({ samples_ms: [], lost: 5, p50_ms: null, reason: 'echo_mismatch' });
  });

  test('keeps what it has of a target that goes away', async () => {
    await using server = await startTcp((socket) => {
      let lines = 0;
      socket.on('data', (chunk) => (++lines > 2 ? socket.destroy() : socket.write(chunk)));
    });
    const result = await resultOf([target(server.port)], { samples: 9 });
    expect(result).toMatchObject({ lost: 7, reason: 'connection_reset' });
    expect(result.samples_ms).toHaveLength(2);
    expect(result.p50_ms).toBeGreaterThan(0);
  });

  test('gives up a silent target after three samples', async () => {
    let heard = '';
    const left = Promise.withResolvers<void>();
    await using server = await startTcp((socket) => {
      socket.on('data', (chunk) => (heard += String(chunk)));
      socket.once('close', () => left.resolve());
    });
    const result = await resultOf([target(server.port)], { samples: 20, timeout_ms: 300 });
    expect(result).toMatchObject({ samples_ms: [], lost: 20, p50_ms: null, reason: 'timeout' });
    await left.promise;
    expect(heard.match(/\n/g)).toHaveLength(3);
  });
});

describe('latency-probe by handshakes', () => {
  test('makes a connection a sample', async () => {
    let connections = 0;
    await using server = await startTcp(() => (connections += 1));
    const result = await resultOf([target(server.port, 'connect')], { samples: 4 });
    expect(result).toMatchObject({ lost: 0, reason: null });
    expect(result.samples_ms).toHaveLength(4);
    expect(result.p50_ms).toBeGreaterThan(0);
    expect(connections).toBe(4);
  });

  test('measures the way to a proxy, where the echo measures the way through it', async () => {
    await using server = await startEcho();
    await using proxy = await startDelayingProxy(server.port, 50);
    const { results } = await probe([target(proxy.port, 'connect'), target(proxy.port, 'echo')]);
    expect(results[0]!.p50_ms).toBeLessThan(50);
    expect(results[1]!.p50_ms).toBeGreaterThan(90);
  });

  test('resolves names, whose time it does not count', async () => {
    await using server = await startTcp(() => {});
    const endpoint = `localhost:${server.port}`;
    const result = await resultOf([{ ...target(server.port, 'connect'), endpoint }]);
    expect(result).toMatchObject({ endpoint, lost: 0 });
  });
});

describe('latency-probe', () => {
  test('answers for each target in order, wherever it runs', async () => {
    await using server = await startEcho();
    const dead = await freePort();
    const targets = [
      target(dead, 'echo', 'a'),
      target(server.port, 'echo', 'b'),
      target(dead, 'connect', 'c'),
      target(server.port, 'connect', 'd'),
    ];
    const { from, results } = await probe(targets);
    expect(from).toBe('here');
    expect(results.map(({ region_id, reason, lost }) => [region_id, reason, lost])).toEqual([
      ['a', 'connection_refused', 5],
      ['b', null, 0],
      ['c', 'connection_refused', 5],
      ['d', null, 0],
    ]);
  });

  test('measures no more than 16 targets at a time', async () => {
    let open = 0;
    let most = 0;
    await using server = await startTcp((socket) => {
      most = Math.max(most, ++open);
      socket.on('data', (chunk) => socket.write(chunk));
      socket.once('close', () => (open -= 1));
    });
    const targets = Array.from({ length: 64 }, (_, at) => target(server.port, 'echo', `region-${at}`));
    const { results } = await probe(targets, { samples: 2, spacing_ms: 10 });
    expect(results.every(({ lost }) => lost === 0)).toBe(true);
    expect(results.map(({ region_id }) => region_id)).toEqual(targets.map(({ region_id }) => region_id));
    // One that has been left can still be closing when the next one is dialled.
    expect(most).toBeGreaterThanOrEqual(16);
    expect(most).toBeLessThanOrEqual(32);
  });

  test('gives what there is when its time is over', async () => {
    await using server = await startEcho();
    await using silent = await startTcp(() => {});
    const { results } = await probe(
      [target(silent.port), target(server.port)],
      { timeout_ms: 10_000, samples: 5 },
      { withinMs: 2_000 },
    );
    expect(results[0]).toMatchObject({ lost: 5, reason: 'out_of_time' });
    expect(results[1]).toMatchObject({ lost: 0, reason: null });
  });

  test('ends when it is aborted', async () => {
    const connected = Promise.withResolvers<void>();
    await using silent = await startTcp((socket) => socket.once('data', () => connected.resolve()));
    const controller = new AbortController();
    const probing = probe([target(silent.port)], { timeout_ms: 10_000 }, { signal: controller.signal });
    await connected.promise;
    const reason = new AttemptAborted('cancelled');
    controller.abort(reason);
    await expect(probing).rejects.toBe(reason);
  });

  test('dials from the address it is given', async () => {
    const sources: (string | undefined)[] = [];
    await using server = await startTcp((socket) => {
      sources.push(socket.remoteAddress);
      socket.on('data', (chunk) => socket.write(chunk));
    });
    const targets = [target(server.port), target(server.port, 'connect')];
    await probe(targets, { samples: 1 }, { sourceAddress: '127.0.0.2' });
    expect(sources).toEqual(['127.0.0.2', '127.0.0.2']);
    const foreign = await resultOf([target(server.port)], {}, { sourceAddress: '192.0.2.1' });
    expect(foreign).toMatchObject({ lost: 5, reason: 'address_not_available' });
  });

  test('leaves no connection behind', async () => {
    const closed: Promise<unknown>[] = [];
    await using server = await startTcp((socket) => {
      closed.push(once(socket, 'close'));
      socket.on('data', (chunk) => socket.write(chunk));
    });
    await probe([target(server.port), target(server.port, 'connect')], { samples: 2 });
    await Promise.all(closed);
    expect(closed).toHaveLength(3);
  });

  test('is a worker, tried once, that knows its region', async () => {
    await using server = await startEcho();
    expect(latencyProbeWorker.retry.max_attempts).toBe(1);
    const outcome = await runWorker(latencyProbeWorker, {
      input: { targets: [target(server.port)] },
      task: { id: 't', attempt: 1, idempotency_key: 'k', region: 'eu-west-1' },
      signal: new AbortController().signal,
    });
    expect(outcome).toMatchObject({
      kind: 'succeeded',
      output: { from: 'eu-west-1', results: [{ lost: 0 }] },
    });
  });

  test.each([
    ['no target', { targets: [] }],
    ['more than 64', { targets: Array.from({ length: 65 }, () => target(1)) }],
    ['a URL', { targets: [{ ...target(1), endpoint: 'http://127.0.0.1:80/' }] }],
    ['a host without a port', { targets: [{ ...target(1), endpoint: '127.0.0.1' }] }],
    ['a port that is none', { targets: [{ ...target(1), endpoint: '127.0.0.1:65536' }] }],
    ['another method', { targets: [{ ...target(1), method: 'icmp' }] }],
    ['more than 20 samples', { targets: [target(1)], samples: 21 }],
    ['no time', { targets: [target(1)], timeout_ms: 0 }],
  ])('takes no input with %s', (_, input) => {
    expect(latencyProbeWorker.input.safeParse({ targets: [target(1)] }).success).toBe(true);
    expect(latencyProbeWorker.input.safeParse(input).success).toBe(false);
  });
});

describe('LATENCY_SOURCE_ADDRESS', () => {
  test('is an address, or unset', () => {
    expect(workersConfig({ LATENCY_SOURCE_ADDRESS: '127.0.0.2' })).toEqual({
      latencySourceAddress: '127.0.0.2',
    });
    expect(workersConfig({ LATENCY_SOURCE_ADDRESS: '' })).toEqual({ latencySourceAddress: undefined });
    expect(workersConfig({})).toEqual({ latencySourceAddress: undefined });
  });

  test('that is no address fails the attempt, saying so', () => {
    expect(() => workersConfig({ LATENCY_SOURCE_ADDRESS: 'eth0' })).toThrow(/LATENCY_SOURCE_ADDRESS.*eth0/);
  });
});
