import type { CaaRecord, SoaRecord, SrvRecord } from 'node:dns';
import type { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';

export const recordTypes = ['A', 'AAAA', 'CNAME', 'MX', 'TXT', 'NS', 'SRV', 'CAA', 'PTR', 'SOA'] as const;
export type RecordType = (typeof recordTypes)[number];

/** The records as texts in the order of a zone file's fields, names without the final dot. */
export async function answersTo(resolver: Resolver, name: string, record: RecordType): Promise<string[]> {
  switch (record) {
    case 'A':
      return resolver.resolve4(name);
    case 'AAAA':
      return resolver.resolve6(name);
    case 'CNAME':
      return resolver.resolveCname(name);
    case 'NS':
      return resolver.resolveNs(name);
    case 'PTR':
      return isIP(name) === 0 ? resolver.resolvePtr(name) : resolver.reverse(name);
    case 'TXT':
      return (await resolver.resolveTxt(name)).map((parts) => parts.join(''));
    case 'MX':
      return (await resolver.resolveMx(name)).map(({ priority, exchange }) => `${priority} ${exchange}`);
    case 'SRV':
      return (await resolver.resolveSrv(name)).map(srvText);
    case 'CAA':
      return (await resolver.resolveCaa(name)).map(caaText);
    case 'SOA':
      return [soaText(await resolver.resolveSoa(name))];
  }
}

function srvText({ priority, weight, port, name }: SrvRecord): string {
  return `${priority} ${weight} ${port} ${name}`;
}

/** A CAA record has one property, under its own name. */
function caaText({ critical, ...property }: CaaRecord): string {
  const [tag = '', value = ''] = Object.entries(property).find(([key]) => key !== 'type') ?? [];
  return `${critical} ${tag} ${String(value)}`;
}

function soaText({ nsname, hostmaster, serial, refresh, retry, expire, minttl }: SoaRecord): string {
  return [nsname, hostmaster, serial, refresh, retry, expire, minttl].join(' ');
}

/** Names compare without case and final dot, texts exactly. */
export function sameAnswer(record: RecordType, a: string, b: string): boolean {
  return record === 'TXT' || record === 'CAA' ? a === b : normal(a) === normal(b);
}

function normal(answer: string): string {
  return answer.toLowerCase().replace(/\.$/, '');
}
