import { connect, type Socket } from 'node:net';
import { defineWorker } from '@tenma/worker';
import { z } from 'zod';
import { startDeadline } from './deadline.ts';
import { downBecauseOf } from './failure-reason.ts';
import { attemptTimeoutMs, hostSchema, portSchema, timeoutSchema } from './target.ts';
import { Stopwatch, timingsSchema } from './timings.ts';
import { down, sameVerdict, up, type Verdict, verdictShape } from './verdict.ts';

const maxReceivedBytes = 64 * 1024;

const input = z.strictObject({
  host: hostSchema,
  port: portSchema,
  send: z.string().max(4_096).optional().describe('Sent once connected, as UTF-8.'),
  expect: z.string().min(1).max(4_096).optional().describe('A text that has to come within 64 KiB.'),
  timeout_ms: timeoutSchema,
});
export type ProbeTcpInput = z.infer<typeof input>;

const output = z.object({
  ...verdictShape,
  timings: timingsSchema,
  remote_address: z.string().nullable(),
  received: z.string().nullable().describe('The first 1,024 characters, where `expect` was given.'),
});
export type ProbeTcpOutput = z.infer<typeof output>;

/**
 * Connects, sends and waits as asked. Resolves with `down` for whatever the target does wrong; rejects only when the
 * attempt is aborted.
 */
export async function probeTcp(probe: ProbeTcpInput, signal: AbortSignal): Promise<ProbeTcpOutput> {
  using deadline = startDeadline(signal, probe.timeout_ms);
  const watch = new Stopwatch();
  const socket = connect({
    host: probe.host,
    port: probe.port,
    signal: deadline.signal,
    autoSelectFamilyAttemptTimeout: Math.max(250, Math.floor(probe.timeout_ms / 2)),
  });
  socket.once('lookup', () => watch.mark('resolved'));
  const seen = { remoteAddress: null as string | null, received: '' };
  let verdict: Verdict;
  try {
    verdict = await converse(socket, probe, watch, seen);
  } catch (error) {
    signal.throwIfAborted();
    verdict = deadline.expired() ? expired(probe, watch) : downBecauseOf(error);
  } finally {
    socket.destroy();
  }
  return {
    ...verdict,
    timings: watch.timings(),
    remote_address: seen.remoteAddress,
    received: probe.expect === undefined ? null : seen.received.slice(0, 1_024),
  };
}

function converse(
  socket: Socket,
  { host, port, send, expect }: ProbeTcpInput,
  watch: Stopwatch,
  seen: { remoteAddress: string | null; received: string },
): Promise<Verdict> {
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.once('connect', () => {
      watch.mark('connected');
      seen.remoteAddress = socket.remoteAddress ?? null;
      const connected = up(`${host}:${port} takes connections`);
      if (send !== undefined) socket.write(send, () => expect === undefined && resolve(connected));
      else if (expect === undefined) resolve(connected);
    });
    if (expect === undefined) return;
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => {
      watch.mark('firstByte');
      chunks.push(chunk);
      const bytes = Buffer.concat(chunks);
      seen.received = bytes.toString();
      if (seen.received.includes(expect)) resolve(up('the text expected came'));
      else if (bytes.length > maxReceivedBytes) resolve(down('expect_mismatch', 'not in the first 64 KiB'));
    });
    socket.once('end', () => {
      resolve(down('expect_mismatch', 'the target closed the connection before the text expected came'));
    });
  });
}

function expired({ timeout_ms, expect }: ProbeTcpInput, watch: Stopwatch): Verdict {
  const connected = watch.timings().connect_ms !== null;
  const phase = connected && expect !== undefined ? 'the text expected did not come' : 'no connection';
  return down('timeout', `${phase} within ${timeout_ms} ms`);
}

export const probeTcpWorker = defineWorker({
  type: 'probe-tcp',
  version: '1.0.0',
  description: 'Connects to a TCP port and says whether it is up; can send a text and wait for another.',
  input,
  output,
  timeout_ms: attemptTimeoutMs,
  shadow: sameVerdict,
  example: { host: 'localhost', port: 5672 },
  run: ({ input: probe, signal }) => probeTcp(probe, signal),
});
