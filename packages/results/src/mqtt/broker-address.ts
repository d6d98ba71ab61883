/** Where a broker is and who we are there, taken from a URL. */
export interface BrokerAddress {
  readonly protocol: 'mqtt' | 'mqtts' | 'ws' | 'wss';
  readonly hostname: string;
  readonly port?: number;
  /** For WebSocket. */
  readonly path?: string;
  readonly username?: string;
  readonly password?: string;
  /** For logs: without the password. */
  readonly display: string;
}

const protocols = ['mqtt', 'mqtts', 'ws', 'wss'] as const;

/**
 * mqtt.js' own parser is not used: it cuts a password at its last colon.
 * @param url such as `mqtt://user:password@host:1883`; user and password percent-encoded
 * @throws TypeError without the URL in its message, which may hold a password
 */
export function parseBrokerAddress(url: string): BrokerAddress {
  if (!URL.canParse(url)) throw new TypeError('the MQTT URL is none: write it like mqtt://host:1883');
  const { protocol: scheme, hostname, port, pathname, search, username, password } = new URL(url);
  const protocol = protocols.find((name) => scheme === `${name}:`);
  if (protocol === undefined)
    throw new TypeError(`the MQTT URL begins with ${protocols.join(', ')}, not with ${scheme}`);
  if (hostname === '') throw new TypeError('the MQTT URL names no host');
  return {
    protocol,
    hostname: hostname.replace(/^\[|\]$/g, ''),
    ...(port !== '' && { port: Number(port) }),
    ...(protocol.startsWith('ws') && { path: `${pathname}${search}` }),
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
    display: `${protocol}://${hostname}${port === '' ? '' : `:${port}`}`,
  };
}
