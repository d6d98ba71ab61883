import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { findBinary, temporaryFolder } from '@tenma/test-support';
import { describe, expect, test } from 'vitest';
import { readPingOutput } from './icmp/ping-output.ts';
import { probeIcmp, probeIcmpWorker } from './probe-icmp.ts';

const iputils = `PING 127.0.0.1 (127.0.0.1) 56(84) bytes of data.

--- 127.0.0.1 ping statistics ---
3 packets transmitted, 2 received, 33.3333% packet loss, time 402ms
rtt min/avg/max/mdev = 0.021/0.034/0.047/0.010 ms
`;

const signal = new AbortController().signal;

/** A program in place of ping: a shell script with this body. */
async function fakePing(body: string): Promise<AsyncDisposable & { command: string }> {
  const folder = await temporaryFolder();
  const command = join(folder.path, 'ping');
  writeFileSync(command, `#!/bin/sh\n${body}\n`);
  chmodSync(command, 0o755);
  return { command, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

const input = (fields: object = {}) => probeIcmpWorker.input.parse({ host: '192.0.2.1', ...fields });

describe('probe-icmp', () => {
  test('reads what iputils prints', async () => {
    await using ping = await fakePing(`cat <<'END'\n${iputils}END`);
    expect(await probeIcmp(input(), { signal, command: ping.command })).toMatchObject({
      verdict: 'up',
      sent: 3,
      received: 2,
      loss: 1 / 3,
      rtt: { min_ms: 0.021, avg_ms: 0.034, max_ms: 0.047 },
    });
  });

  test('reads what busybox prints', () => {
    const text =
      '2 packets transmitted, 2 packets received, 0% packet loss\nround-trip min/avg/max = 0.1/0.2/0.3 ms\n';
    expect(readPingOutput(text)).toEqual({
      sent: 2,
      received: 2,
      rtt: { min_ms: 0.1, avg_ms: 0.2, max_ms: 0.3 },
    });
  });

  test('hands over the host behind the end of the options, without a shell', async () => {
    await using ping = await fakePing(`printf '%s ' "$@" >&2; exit 2`);
    const { message } = await probeIcmp(input({ count: 7 }), { signal, command: ping.command });
    expect(message).toBe('-n -q -c 7 -i 0.2 -- 192.0.2.1');
  });

  test.each([
    ['echo "1 packets transmitted, 0 received, +1 errors, 100% packet loss"; exit 1', 'no_reply'],
    ['echo "ping: nowhere.example: Name or service not known" >&2; exit 2', 'dns_not_found'],
    ['echo "ping: connect: Network is unreachable" >&2; exit 2', 'network_unreachable'],
    ['echo "what?" >&2; exit 2', 'ping_failed'],
  ])('is down after `%s`: %s', async (body, reason) => {
    await using ping = await fakePing(body);
    const result = await probeIcmp(input(), { signal, command: ping.command });
    expect(result).toMatchObject({ verdict: 'down', reason });
  });

  test('interrupts a ping that takes too long, and takes its summary', async () => {
    const summary = 'echo "5 packets transmitted, 0 received, 100% packet loss"; kill $!; exit 1';
    await using ping = await fakePing(`sleep 20 & trap '${summary}' INT\nwait`);
    const result = await probeIcmp(input({ timeout_ms: 1_000 }), { signal, command: ping.command });
    expect(result).toMatchObject({ verdict: 'down', reason: 'no_reply', sent: 5, loss: 1 });
  });

  test('says that ping is missing or not permitted: that is no verdict on the host', async () => {
    const missing = probeIcmp(input(), { signal, command: '/nonexistent/ping' });
    await expect(missing).rejects.toMatchObject({ code: 'ping_missing', retryable: false });
    await using ping = await fakePing('echo "ping: socket: Operation not permitted" >&2; exit 2');
    const refused = probeIcmp(input(), { signal, command: ping.command });
    await expect(refused).rejects.toMatchObject({ code: 'ping_not_permitted' });
  });

  test('ends with the abort when it is aborted', async () => {
    await using ping = await fakePing('exec sleep 20');
    const controller = new AbortController();
    const probing = probeIcmp(input(), { signal: controller.signal, command: ping.command });
    const reason = new Error('cancelled');
    controller.abort(reason);
    await expect(probing).rejects.toBe(reason);
  });

  const ping = findBinary('ping');
  if (ping === undefined) process.stderr.write('skipped: no ping: install iputils-ping\n');
  test.skipIf(ping === undefined)('pings loopback', async () => {
    const result = await probeIcmp(input({ host: '127.0.0.1', count: 1 }), { signal });
    expect(result).toMatchObject({ verdict: 'up', sent: 1, received: 1, loss: 0 });
  });
});

describe('a host to ping', () => {
  const accepts = (host: string) => probeIcmpWorker.input.safeParse({ host }).success;

  test('is never an option', () => {
    fc.assert(fc.property(fc.string(), (rest) => !accepts(`-${rest}`)));
  });

  test('holds nothing that a shell, a URL or a line reads as more than a name', () => {
    const special = fc.constantFrom(...' \t\r\n\0;&|$`"\'\\<>(){}[]*?!#~/@,=+^'.split(''));
    fc.assert(fc.property(fc.string(), special, fc.string(), (a, c, b) => !accepts(a + c + b)));
  });

  test('is a domain name or an address', () => {
    fc.assert(fc.property(fc.domain(), accepts));
    fc.assert(fc.property(fc.ipV4(), accepts));
    fc.assert(fc.property(fc.ipV6(), accepts));
    expect(['localhost', 'my_host-1.example.', 'xn--bcher-kva.example'].every(accepts)).toBe(true);
    expect(['', '.', 'a..b', 'a-.b', '1:2', 'x'.repeat(64)].some(accepts)).toBe(false);
  });
});
