/** What `ping` printed. Rounds trips in milliseconds; null where no reply came. */
export interface PingSummary {
  readonly sent: number;
  readonly received: number;
  readonly rtt: { readonly min_ms: number; readonly avg_ms: number; readonly max_ms: number } | null;
}

/** Reads the summary that iputils and busybox print in the C locale; undefined when there is none. */
export function readPingOutput(text: string): PingSummary | undefined {
  const counts = /(\d+) packets transmitted, (\d+) (?:packets )?received/.exec(text);
  if (counts === null) return undefined;
  const times = /(?:rtt|round-trip) min\/avg\/max(?:\/mdev)? = ([\d.]+)\/([\d.]+)\/([\d.]+)/.exec(text);
  return {
    sent: Number(counts[1]),
    received: Number(counts[2]),
    rtt:
      times === null
        ? null
        : { min_ms: Number(times[1]), avg_ms: Number(times[2]), max_ms: Number(times[3]) },
  };
}

const complaints: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/not known|unknown host|bad address/i, 'dns_not_found'],
  [/temporary failure in name resolution/i, 'dns_unavailable'],
  [/no address associated/i, 'dns_no_data'],
  [/network is unreachable/i, 'network_unreachable'],
  [/no route to host|host is unreachable/i, 'host_unreachable'],
  [/not permitted|permission denied|lacking privilege/i, 'not_permitted'],
];

/** The reason in what `ping` said on stderr when it sent nothing. */
export function readPingComplaint(text: string): string {
  return complaints.find(([pattern]) => pattern.test(text))?.[1] ?? 'ping_failed';
}
