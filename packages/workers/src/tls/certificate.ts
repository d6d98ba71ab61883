import type { DetailedPeerCertificate, PeerCertificate } from 'node:tls';
import { z } from 'zod';

const dayMs = 24 * 3_600_000;
/** A chain that is longer is a loop or an attack. */
const maxChain = 10;

export const certificateSchema = z.object({
  subject: z.string(),
  issuer: z.string(),
  valid_from: z.string().describe('RFC 3339.'),
  valid_to: z.string().describe('RFC 3339.'),
  fingerprint: z.string().describe('SHA-256.'),
});
export type CertificateSummary = z.infer<typeof certificateSchema>;

/** The certificate of the server and its issuers, as far as they are known. */
export function chainOf(leaf: DetailedPeerCertificate): CertificateSummary[] {
  const chain: DetailedPeerCertificate[] = [];
  let next: DetailedPeerCertificate | undefined = leaf;
  while (next?.raw !== undefined && chain.length < maxChain && !chain.includes(next)) {
    chain.push(next);
    next = next.issuerCertificate;
  }
  return chain.map((certificate) => ({
    subject: nameOf(certificate.subject),
    issuer: nameOf(certificate.issuer),
    valid_from: timeOf(certificate.valid_from),
    valid_to: timeOf(certificate.valid_to),
    fingerprint: certificate.fingerprint256,
  }));
}

/** A distinguished name as `CN=…, O=…`. */
function nameOf(name: PeerCertificate['subject']): string {
  return Object.entries(name)
    .flatMap(([key, value]) => [value ?? []].flat().map((text) => `${key}=${text}`))
    .join(', ');
}

function timeOf(opensslTime: string): string {
  const time = Date.parse(opensslTime);
  return Number.isNaN(time) ? opensslTime : new Date(time).toISOString();
}

/** The names of `subjectaltname`, such as `example.org` and `192.0.2.1`. */
export function alternativeNames(subjectaltname: string | undefined): string[] {
  return (subjectaltname ?? '')
    .split(', ')
    .filter((entry) => /^(DNS|IP Address):/.test(entry))
    .map((entry) => entry.slice(entry.indexOf(':') + 1).replace(/^"(.*)"$/, '$1'));
}

/** Days until `validTo`, to a tenth, negative once it has passed. */
export function daysLeft(validTo: string, nowMs: number): number {
  return Math.floor(((Date.parse(validTo) - nowMs) / dayMs) * 10) / 10;
}
