import type { LookupFunction } from 'node:net';
import { defineWorker } from '@tenma/worker';
import { z } from 'zod';
import { type Deadline, startDeadline } from './deadline.ts';
import { downBecauseOf } from './failure-reason.ts';
import { bodyMatchSchema, matchesBody } from './http/body-match.ts';
import { type Exchange, exchange } from './http/exchange.ts';
import { headersSchema, urlSchema, withDefaults } from './http/fields.ts';
import { type Redirect, redirectOf } from './http/redirect.ts';
import { expectStatusSchema, isExpected } from './http/status.ts';
import { attemptTimeoutMs, caSchema, timeoutSchema } from './target.ts';
import { milliseconds, timingsSchema } from './timings.ts';
import { down, sameVerdict, up, type Verdict, verdictShape } from './verdict.ts';

const maxBodyBytes = 64 * 1024;

const input = z.strictObject({
  url: urlSchema,
  method: z.enum(['GET', 'HEAD']).default('GET'),
  headers: headersSchema.default({}),
  expect_status: expectStatusSchema.default(['2xx', '3xx']),
  body_match: bodyMatchSchema.optional(),
  follow_redirects: z.int().min(0).max(5).default(0).describe('How many; 0 judges the redirect itself.'),
  timeout_ms: timeoutSchema,
  ca: caSchema.optional(),
});
export type ProbeHttpInput = z.infer<typeof input>;

const output = z.object({
  ...verdictShape,
  status: z.int().nullable().describe('Of the last answer.'),
  timings: timingsSchema.describe('Of the last connection; `total_ms` of the whole probe.'),
  remote_address: z.string().nullable(),
  body_bytes: z.int().describe('Read of the body: at most 65,536.'),
  http_version: z.string().nullable(),
  url: z.string().describe('The last one asked, after redirects.'),
});
export type ProbeHttpOutput = z.infer<typeof output>;

/**
 * Asks a URL and judges the answer. Resolves with `down` for whatever the target does wrong; rejects only when the
 * attempt is aborted or the caller's regular expression takes too long. `lookup` stands in for the system's resolver.
 */
export async function probeHttp(
  probe: ProbeHttpInput,
  { signal, lookup }: { signal: AbortSignal; lookup?: LookupFunction },
): Promise<ProbeHttpOutput> {
  const startedAt = performance.now();
  using deadline = startDeadline(signal, probe.timeout_ms);
  let step: Redirect = { url: new URL(probe.url), headers: probe.headers };
  for (let redirects = 0; ; redirects++) {
    const answer = await exchange({
      ...step,
      headers: withDefaults(step.headers, { 'user-agent': 'tenma-probe-http/1', accept: '*/*' }),
      method: probe.method,
      ca: probe.ca,
      maxBodyBytes,
      timeoutMs: probe.timeout_ms,
      signal: deadline.signal,
      lookup,
    });
    signal.throwIfAborted();
    const next = probe.follow_redirects > 0 ? redirectOf(answer, step) : 'none';
    if (typeof next === 'object' && redirects < probe.follow_redirects) {
      step = next;
      continue;
    }
    return {
      ...(next === 'none' ? judge(probe, answer, deadline) : badRedirect(next, probe)),
      status: answer.status,
      timings: { ...answer.timings, total_ms: milliseconds(performance.now() - startedAt) },
      remote_address: answer.remoteAddress,
      body_bytes: answer.body.length,
      http_version: answer.httpVersion,
      url: step.url.href,
    };
  }
}

function judge(probe: ProbeHttpInput, answer: Exchange, deadline: Deadline): Verdict {
  if (deadline.expired())
    return down('timeout', `no answer within ${probe.timeout_ms} ms: ${phaseOf(answer)}`);
  if (answer.error !== undefined) return downBecauseOf(answer.error);
  const { status } = answer;
  if (status === null || !isExpected(status, probe.expect_status)) {
    return down(`status_${status}`, `status ${status}, expected ${probe.expect_status.join(', ')}`);
  }
  if (probe.body_match !== undefined && !matchesBody(answer.body.toString(), probe.body_match)) {
    return down('body_mismatch', `the first ${answer.body.length} bytes of the body do not match`);
  }
  return up(`status ${status}`);
}

/** Where the time went, for the message of a timeout. */
function phaseOf({ timings, remoteAddress, status }: Exchange): string {
  if (status !== null) return 'the body did not end';
  if (timings.connect_ms !== null) return `connected to ${remoteAddress}, no answer came`;
  return 'the connection was not made';
}

function badRedirect(redirect: Redirect | 'invalid', { follow_redirects: limit }: ProbeHttpInput): Verdict {
  if (redirect === 'invalid') return down('redirect_invalid', 'the redirect leads to no http or https URL');
  return down('too_many_redirects', `more than ${limit} redirects, the next to ${redirect.url.href}`);
}

export const probeHttpWorker = defineWorker({
  type: 'probe-http',
  version: '1.0.0',
  description: 'Asks an HTTP or HTTPS URL and says whether it is up, with the time of every phase.',
  input,
  output,
  timeout_ms: attemptTimeoutMs,
  shadow: sameVerdict,
  example: { url: 'http://localhost:8080/healthz' },
  run: ({ input: probe, signal }) => probeHttp(probe, { signal }),
});
