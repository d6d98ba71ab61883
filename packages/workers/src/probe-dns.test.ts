import { describe, expect, test } from 'vitest';
import { probeDns, probeDnsWorker, type ProbeDnsOutput } from './probe-dns.ts';
import { dnsName, type DnsReply, dnsText, startDnsServer, uint16 } from './test-servers/dns-server.ts';

const zone: Record<string, DnsReply> = {
  'www.test.example 1': [
    { type: 1, data: Buffer.from([192, 0, 2, 1]) },
    { type: 1, data: Buffer.from([192, 0, 2, 2]) },
  ],
  'www.test.example 28': [{ type: 28, data: Buffer.from('20010db8000000000000000000000001', 'hex') }],
  'alias.test.example 5': [{ type: 5, data: dnsName('WWW.test.example') }],
  'test.example 2': [{ type: 2, data: dnsName('ns1.test.example') }],
  'test.example 15': [{ type: 15, data: Buffer.concat([uint16(10), dnsName('mail.test.example')]) }],
  'test.example 16': [{ type: 16, data: Buffer.concat([dnsText('v=spf1 '), dnsText('-all')]) }],
  '_amqp._tcp.test.example 33': [
    { type: 33, data: Buffer.concat([uint16(1, 2, 5672), dnsName('mq.test.example')]) },
  ],
  'test.example 257': [
    { type: 257, data: Buffer.concat([Buffer.from([0]), dnsText('issue'), Buffer.from('ca.example')]) },
  ],
  '1.2.0.192.in-addr.arpa 12': [{ type: 12, data: dnsName('www.test.example') }],
  'test.example 6': [
    {
      type: 6,
      data: Buffer.concat([
        dnsName('ns1.test.example'),
        dnsName('admin.test.example'),
        uint16(0, 7, 0, 60, 0, 61, 0, 62, 0, 63),
      ]),
    },
  ],
  'empty.test.example 1': [],
  'broken.test.example 1': { rcode: 2 },
  'refused.test.example 1': { rcode: 5 },
  'silent.test.example 1': 'silence',
};

function probe(server: { address: string }, input: Record<string, unknown>): Promise<ProbeDnsOutput> {
  const parsed = probeDnsWorker.input.parse({ server: server.address, ...input });
  return probeDns(parsed, new AbortController().signal);
}

describe('probe-dns', () => {
  test.each([
    ['www.test.example', 'A', ['192.0.2.1', '192.0.2.2']],
    ['www.test.example', 'AAAA', ['2001:db8::1']],
    ['alias.test.example', 'CNAME', ['WWW.test.example']],
    ['test.example', 'NS', ['ns1.test.example']],
    ['test.example', 'MX', ['10 mail.test.example']],
    ['test.example', 'TXT', ['v=spf1 -all']],
    ['_amqp._tcp.test.example', 'SRV', ['1 2 5672 mq.test.example']],
    ['test.example', 'CAA', ['0 issue ca.example']],
    ['192.0.2.1', 'PTR', ['www.test.example']],
    ['1.2.0.192.in-addr.arpa', 'PTR', ['www.test.example']],
    ['test.example', 'SOA', ['ns1.test.example admin.test.example 7 60 61 62 63']],
  ])('looks up %s %s', async (name, record, answers) => {
    await using server = await startDnsServer(zone);
    const result = await probe(server, { name, record });
    expect(result).toMatchObject({ verdict: 'up', reason: 'ok', answers });
    expect(result.timings.total_ms).toBeGreaterThan(0);
  });

  test.each([
    ['absent.test.example', 'dns_not_found'],
    ['empty.test.example', 'dns_no_data'],
    ['broken.test.example', 'dns_server_failure'],
    ['refused.test.example', 'dns_refused'],
    ['silent.test.example', 'timeout'],
  ])('is down for %s: %s', async (name, reason) => {
    await using server = await startDnsServer(zone);
    const timeout_ms = reason === 'timeout' ? 100 : 5_000;
    expect(await probe(server, { name, timeout_ms })).toMatchObject({ verdict: 'down', reason, answers: [] });
  });

  test.each([
    ['www.test.example', 'A', ['192.0.2.2'], 'ok'],
    ['www.test.example', 'A', ['192.0.2.2', '192.0.2.3'], 'answer_mismatch'],
    ['alias.test.example', 'CNAME', ['www.TEST.example.'], 'ok'],
    ['test.example', 'TXT', ['V=SPF1 -all'], 'answer_mismatch'],
  ])('expects of %s %s that %j is among the answers: %s', async (name, record, wanted, reason) => {
    await using server = await startDnsServer(zone);
    expect(await probe(server, { name, record, expect: wanted })).toMatchObject({ reason });
  });

  test('ends with the abort when it is aborted', async () => {
    await using server = await startDnsServer(zone);
    const controller = new AbortController();
    const input = probeDnsWorker.input.parse({ server: server.address, name: 'silent.test.example' });
    const probing = probeDns(input, controller.signal);
    const reason = new Error('cancelled');
    controller.abort(reason);
    await expect(probing).rejects.toBe(reason);
  });

  test.each(['dns.example', '127.0.0.1:0', '127.0.0.1:70000', '::1:53:x', '[127.0.0.1]:53'])(
    'takes no server %s',
    (server) => expect(probeDnsWorker.input.safeParse({ name: 'a', server }).success).toBe(false),
  );

  test.each(['127.0.0.1', '127.0.0.1:53', '::1', '[::1]:53'])('takes the server %s', (server) =>
    expect(probeDnsWorker.input.safeParse({ name: 'a', server }).success).toBe(true),
  );
});
