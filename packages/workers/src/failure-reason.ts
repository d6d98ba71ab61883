import { down, type Verdict } from './verdict.ts';

/** From the codes of sockets, resolvers and TLS to reasons that stay the same whichever library reports them. */
const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_reset',
  ECONNABORTED: 'connection_reset',
  EPIPE: 'connection_reset',
  ETIMEDOUT: 'timeout',
  EHOSTUNREACH: 'host_unreachable',
  EHOSTDOWN: 'host_unreachable',
  ENETUNREACH: 'network_unreachable',
  ENETDOWN: 'network_unreachable',
  EADDRNOTAVAIL: 'address_not_available',
  EACCES: 'not_permitted',
  EPERM: 'not_permitted',
  // getaddrinfo and c-ares
  ENOTFOUND: 'dns_not_found',
  ENODATA: 'dns_no_data',
  EAI_AGAIN: 'dns_unavailable',
  EAI_FAIL: 'dns_server_failure',
  ESERVFAIL: 'dns_server_failure',
  EREFUSED: 'dns_refused',
  ENOTIMP: 'dns_not_implemented',
  EFORMERR: 'dns_format_error',
  EBADRESP: 'dns_format_error',
  EBADNAME: 'dns_bad_name',
  ETIMEOUT: 'timeout',
  // OpenSSL's verification, by the names Node gives
  CERT_HAS_EXPIRED: 'tls_certificate_expired',
  CERT_NOT_YET_VALID: 'tls_certificate_not_yet_valid',
  CERT_REVOKED: 'tls_certificate_revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls_self_signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls_untrusted',
  UNABLE_TO_GET_ISSUER_CERT: 'tls_untrusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'tls_untrusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls_untrusted',
  ERR_TLS_CERT_ALTNAME_INVALID: 'tls_name_mismatch',
  EPROTO: 'tls_handshake_failed',
};

/** The families of codes that are too many to list. */
const families: readonly (readonly [prefix: string, reason: string])[] = [
  ['ERR_SSL_', 'tls_handshake_failed'],
  ['ERR_TLS_', 'tls_handshake_failed'],
  ['CERT_', 'tls_untrusted'],
  ['HPE_', 'invalid_response'],
];

/** The verdict on a target whose connection, resolver or handshake failed with this error. */
export function downBecauseOf(error: unknown): Verdict {
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  const message = messageOf(first);
  return down(reasonOf(codeOf(first) ?? codeOf(error)), message === '' ? messageOf(error) : message);
}

/** A reason for an error code; `connection_failed` for one that is not known. */
export function reasonOf(code: string | undefined): string {
  if (code === undefined) return 'connection_failed';
  return reasons[code] ?? families.find(([prefix]) => code.startsWith(prefix))?.[1] ?? 'connection_failed';
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
