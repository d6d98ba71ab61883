import { isIP, type TcpSocketConnectOpts } from 'node:net';
import {
  checkServerIdentity,
  connect,
  type ConnectionOptions,
  type DetailedPeerCertificate,
  type TLSSocket,
} from 'node:tls';
import { defineWorker } from '@tenma/worker';
import { z } from 'zod';
import { startDeadline } from './deadline.ts';
import { downBecauseOf, reasonOf } from './failure-reason.ts';
import { attemptTimeoutMs, caSchema, hostSchema, portSchema, timeoutSchema } from './target.ts';
import { Stopwatch, timingsSchema } from './timings.ts';
import { alternativeNames, certificateSchema, chainOf, daysLeft } from './tls/certificate.ts';
import { down, sameVerdict, up, type Verdict, verdictShape } from './verdict.ts';

const input = z.strictObject({
  host: hostSchema,
  port: portSchema.default(443),
  server_name: hostSchema.optional().describe('Asked for and verified instead of `host`.'),
  min_days_left: z.number().min(0).max(10_000).optional().describe('Down when it ends sooner.'),
  names: z
    .array(hostSchema)
    .max(100)
    .optional()
    .describe('The certificate has to hold for all of these too.'),
  ca: caSchema.optional(),
  timeout_ms: timeoutSchema,
});
export type ProbeTlsInput = z.infer<typeof input>;

const seenSchema = z.object({
  verified: z.boolean().describe('The chain is trusted, in time and holds for the name.'),
  days_left: z.number().nullable().describe('Of the certificate of the server; negative once it has ended.'),
  chain: z.array(certificateSchema).describe('The certificate of the server first.'),
  names: z.array(z.string()).describe('Subject alternative names.'),
  protocol: z.string().nullable(),
  cipher: z.string().nullable(),
});
type Seen = z.infer<typeof seenSchema>;

const output = z.object({
  ...verdictShape,
  ...seenSchema.shape,
  timings: timingsSchema,
  remote_address: z.string().nullable(),
});
export type ProbeTlsOutput = z.infer<typeof output>;

/**
 * Makes a TLS handshake and judges the certificate, which it reports also where it is not trusted. Resolves with
 * `down` for whatever the target does wrong; rejects only when the attempt is aborted.
 */
export async function probeTls(probe: ProbeTlsInput, signal: AbortSignal): Promise<ProbeTlsOutput> {
  using deadline = startDeadline(signal, probe.timeout_ms);
  const watch = new Stopwatch();
  const socket = open(probe, watch);
  const onAbort = () => socket.destroy(deadline.signal.reason as Error);
  deadline.signal.addEventListener('abort', onAbort, { once: true });
  let remoteAddress: string | null = null;
  socket.once('connect', () => (remoteAddress = socket.remoteAddress ?? null));
  let seen: Seen = { verified: false, days_left: null, chain: [], names: [], protocol: null, cipher: null };
  let verdict: Verdict;
  try {
    await handshake(socket);
    watch.mark('secured');
    const leaf = socket.getPeerCertificate(true);
    seen = look(socket, leaf);
    verdict = judge(probe, socket, leaf, seen.days_left);
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    const late = down('timeout', `no handshake within ${probe.timeout_ms} ms`);
    verdict = deadline.expired() ? late : downBecauseOf(error);
  }
  // In order where there was a handshake: servers log one that is broken off.
  socket.setTimeout(1_000, () => socket.destroy());
  socket.destroySoon();
  return { ...verdict, ...seen, timings: watch.timings(), remote_address: remoteAddress };
}

function open(
  { host, port, server_name = host, ca, timeout_ms }: ProbeTlsInput,
  watch: Stopwatch,
): TLSSocket {
  const options: ConnectionOptions & Pick<TcpSocketConnectOpts, 'autoSelectFamilyAttemptTimeout'> = {
    host,
    port,
    // A certificate that is not trusted is to be reported, so it must not end the handshake.
    rejectUnauthorized: false,
    autoSelectFamilyAttemptTimeout: Math.max(250, Math.floor(timeout_ms / 2)),
    checkServerIdentity: (_host, certificate) => checkServerIdentity(server_name, certificate),
    ...(isIP(server_name) === 0 ? { servername: server_name } : {}),
    ...(ca === undefined ? {} : { ca }),
  };
  const socket = connect(options);
  // What the target does after the verdict is of no interest; until then `handshake` listens too.
  socket.on('error', () => {});
  socket.once('lookup', () => watch.mark('resolved'));
  socket.once('connect', () => watch.mark('connected'));
  return socket;
}

function handshake(socket: TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.once('error', reject);
    const closed = Object.assign(new Error('the target closed the connection'), { code: 'ECONNRESET' });
    socket.once('close', () => reject(closed));
  });
}

function look(socket: TLSSocket, leaf: DetailedPeerCertificate): Seen {
  const chain = chainOf(leaf);
  return {
    verified: socket.authorized,
    days_left: chain[0] === undefined ? null : daysLeft(chain[0].valid_to, Date.now()),
    chain,
    names: alternativeNames(leaf.subjectaltname),
    protocol: socket.getProtocol(),
    cipher: socket.getCipher().name,
  };
}

function judge(
  probe: ProbeTlsInput,
  socket: TLSSocket,
  leaf: DetailedPeerCertificate,
  left: number | null,
): Verdict {
  if (!socket.authorized) {
    // Node gives the code here, typed as an Error.
    const code = String(socket.authorizationError);
    return down(reasonOf(code), `the certificate is not accepted: ${code}`);
  }
  const missing = (probe.names ?? []).filter((name) => checkServerIdentity(name, leaf) !== undefined);
  if (missing.length > 0)
    return down('tls_name_missing', `the certificate does not hold for ${missing.join(', ')}`);
  const { min_days_left: minimum } = probe;
  if (minimum !== undefined && (left === null || left < minimum)) {
    return down('tls_certificate_expires_soon', `${left} days left, ${minimum} expected`);
  }
  return up(`${left} days left`);
}

export const probeTlsWorker = defineWorker({
  type: 'probe-tls',
  version: '1.0.0',
  description:
    'Makes a TLS handshake and says whether the certificate is trusted, for which names and how long.',
  input,
  output,
  timeout_ms: attemptTimeoutMs,
  shadow: sameVerdict,
  example: { host: 'localhost', port: 443, min_days_left: 14 },
  run: ({ input: probe, signal }) => probeTls(probe, signal),
});
