import { Resolver } from 'node:dns/promises';
import { isIP, isIPv4 } from 'node:net';
import { defineWorker } from '@tenma/worker';
import { z } from 'zod';
import { startDeadline } from './deadline.ts';
import { answersTo, recordTypes, sameAnswer } from './dns/answers.ts';
import { downBecauseOf } from './failure-reason.ts';
import { attemptTimeoutMs, hostSchema, timeoutSchema } from './target.ts';
import { milliseconds } from './timings.ts';
import { down, sameVerdict, up, type Verdict, verdictShape } from './verdict.ts';

const input = z.strictObject({
  name: hostSchema.describe('What to look up; for PTR also an IP address.'),
  record: z.enum(recordTypes).default('A'),
  server: z
    .string()
    .max(100)
    .refine(isServer, 'must be an IP address, or one with a port such as 192.0.2.1:53 or [2001:db8::1]:53')
    .optional()
    .describe('The address of a DNS server, with its port unless 53; default: the servers of the system.'),
  expect: z
    .array(z.string().min(1).max(1_024))
    .min(1)
    .max(50)
    .optional()
    .describe('Answers that must be among.'),
  timeout_ms: timeoutSchema,
});
export type ProbeDnsInput = z.infer<typeof input>;

const output = z.object({
  ...verdictShape,
  answers: z.array(z.string()).describe('As in a zone file, such as `10 mail.example` for MX.'),
  timings: z.object({ total_ms: z.number().min(0) }),
});
export type ProbeDnsOutput = z.infer<typeof output>;

function isServer(server: string): boolean {
  const [, address = server, port] = /^(?:\[?([^\]]*?)\]?):(\d{1,5})$/.exec(server) ?? [];
  if (isIP(server) !== 0) return true;
  const hasAddress = server.startsWith('[') ? isIP(address) === 6 : isIPv4(address);
  return hasAddress && Number(port) > 0 && Number(port) < 65_536;
}

/**
 * Asks a DNS server and judges the answers. Resolves with `down` for whatever the server does wrong or does not know;
 * rejects only when the attempt is aborted.
 */
export async function probeDns(probe: ProbeDnsInput, signal: AbortSignal): Promise<ProbeDnsOutput> {
  using deadline = startDeadline(signal, probe.timeout_ms);
  const startedAt = performance.now();
  // A lost datagram is asked for once more within the timeout.
  const resolver = new Resolver({ timeout: Math.ceil(probe.timeout_ms / 2), tries: 2 });
  if (probe.server !== undefined) resolver.setServers([probe.server]);
  deadline.signal.addEventListener('abort', () => resolver.cancel(), { once: true });
  let answers: string[] = [];
  let verdict: Verdict;
  try {
    answers = await answersTo(resolver, probe.name, probe.record);
    verdict = judge(probe, answers);
  } catch (error) {
    signal.throwIfAborted();
    const silent = down('timeout', `no answer within ${probe.timeout_ms} ms`);
    verdict = deadline.expired() ? silent : downBecauseOf(error);
  }
  return { ...verdict, answers, timings: { total_ms: milliseconds(performance.now() - startedAt) } };
}

function judge({ expect = [], name, record }: ProbeDnsInput, answers: readonly string[]): Verdict {
  const missing = expect.filter((wanted) => !answers.some((answer) => sameAnswer(record, answer, wanted)));
  if (missing.length > 0) return down('answer_mismatch', `not among the answers: ${missing.join(', ')}`);
  if (answers.length === 0) return down('dns_no_data', `${name} has no ${record} record`);
  return up(`${answers.length} ${record} of ${name}`);
}

export const probeDnsWorker = defineWorker({
  type: 'probe-dns',
  version: '1.0.0',
  description: 'Looks up a name at a DNS server and says whether it has the records expected.',
  input,
  output,
  timeout_ms: attemptTimeoutMs,
  shadow: sameVerdict,
  example: { name: 'localhost', record: 'A', server: '127.0.0.1:53' },
  run: ({ input: probe, signal }) => probeDns(probe, signal),
});
