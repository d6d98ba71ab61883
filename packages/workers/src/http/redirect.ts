import type { Exchange } from './exchange.ts';

/** The next request of a chain of redirects. */
export interface Redirect {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
}

const redirectStatuses = new Set([301, 302, 303, 307, 308]);
const credentials = new Set(['authorization', 'cookie', 'proxy-authorization']);

/** Where an answer leads: `none` when it is no redirect, `invalid` when it leads to no http or https URL. */
export function redirectOf(
  answer: Pick<Exchange, 'status' | 'headers' | 'error'>,
  from: Redirect,
): Redirect | 'none' | 'invalid' {
  const { location } = answer.headers;
  if (answer.error !== undefined || answer.status === null || !redirectStatuses.has(answer.status))
    return 'none';
  if (location === undefined) return 'none';
  const url = URL.parse(location, from.url.href);
  if (url === null || !/^https?:$/.test(url.protocol)) return 'invalid';
  if (url.origin === from.url.origin) return { url, headers: from.headers };
  // Another site must not see what was meant for this one (RFC 9110, 15.4).
  const kept = Object.entries(from.headers).filter(([name]) => !credentials.has(name.toLowerCase()));
  return { url, headers: Object.fromEntries(kept) };
}
