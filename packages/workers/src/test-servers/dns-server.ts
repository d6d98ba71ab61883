import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';

interface DnsRecord {
  readonly type: number;
  readonly data: Buffer;
}

/** An answer, an error code of DNS (2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED), or silence. */
export type DnsReply = readonly DnsRecord[] | { readonly rcode: number } | 'silence';

export interface DnsServer extends AsyncDisposable {
  /** 127.0.0.1:port */
  readonly address: string;
}

/** A DNS server on loopback that answers what `replies` says, by `name TYPENUMBER`; NXDOMAIN for the rest. */
export async function startDnsServer(replies: Readonly<Record<string, DnsReply>>): Promise<DnsServer> {
  const socket = createSocket('udp4');
  socket.on('message', (query: Buffer, peer: RemoteInfo) => {
    const { name, type, end } = readQuestion(query);
    const reply = replies[`${name} ${type}`] ?? { rcode: 3 };
    if (reply !== 'silence') socket.send(answer(query, end, reply), peer.port, peer.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    address: `127.0.0.1:${socket.address().port}`,
    async [Symbol.asyncDispose]() {
      socket.close();
      await once(socket, 'close');
    },
  };
}

/** A name in the form of RFC 1035: each label after its length. */
export function dnsName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  return Buffer.concat([...labels.map(dnsText), Buffer.from([0])]);
}

/** A text after its length: one string of a TXT record. */
export function dnsText(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
}

export function uint16(...values: number[]): Buffer {
  return Buffer.from(values.flatMap((value) => [value >> 8, value & 255]));
}

function readQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('ascii', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function answer(query: Buffer, questionEnd: number, reply: readonly DnsRecord[] | { rcode: number }): Buffer {
  const records = 'rcode' in reply ? [] : reply;
  const rcode = 'rcode' in reply ? reply.rcode : 0;
  const header = [query.subarray(0, 2), uint16(0x81_80 | rcode, 1, records.length, 0, 0)];
  const body = records.flatMap(({ type, data }) => [uint16(0xc0_0c, type, 1, 0, 60, data.length), data]);
  return Buffer.concat([...header, query.subarray(12, questionEnd), ...body]);
}
