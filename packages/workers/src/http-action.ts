import { defineWorker } from '@tenma/worker';
import type { Json } from '@tenma/protocol';
import { z } from 'zod';
import { startDeadline } from './deadline.ts';
import { downBecauseOf } from './failure-reason.ts';
import { type Exchange, exchange } from './http/exchange.ts';
import { headersSchema, urlSchema, withDefaults } from './http/fields.ts';
import { expectStatusSchema, isExpected } from './http/status.ts';
import { attemptTimeoutMs, caSchema, timeoutSchema } from './target.ts';
import { timingsSchema } from './timings.ts';
import { down, up, type Verdict, verdictShape } from './verdict.ts';

const maxBodyBytes = 16 * 1024;

const input = z.strictObject({
  url: urlSchema,
  method: z.enum(['POST', 'PUT', 'PATCH', 'DELETE']).default('POST'),
  headers: headersSchema.default({}),
  body: z.unknown().optional().describe('Any JSON; sent as application/json.'),
  expect_status: expectStatusSchema.default(['2xx']),
  timeout_ms: timeoutSchema,
  ca: caSchema.optional(),
});
export type HttpActionInput = z.infer<typeof input>;

const output = z.object({
  ...verdictShape,
  status: z.int().nullable(),
  body: z.unknown().describe('Of the answer: JSON where it is JSON, else its text; at most 16 KiB.'),
  body_truncated: z.boolean().describe('The answer went on; `body` is then its first 16 KiB as text.'),
  timings: timingsSchema,
});
export type HttpActionOutput = z.infer<typeof output> & { body: Json };

/**
 * Acts on a target by one HTTP request that carries `Idempotency-Key`, the same at every attempt of the task. Follows
 * no redirect: an action is done where it was addressed.
 *
 * An action that was refused, timed out or answered 5xx resolves with `down` and ends the task as succeeded: the
 * answer is the result, and whoever asked decides what comes next. A target that may have acted before it fell silent
 * cannot be told from one that did not, so the fabric does not repeat the action by itself; submitting again with the
 * same idempotency key is safe where the target keeps to the key.
 */
export async function httpAction(
  action: HttpActionInput,
  { signal, idempotencyKey }: { signal: AbortSignal; idempotencyKey: string },
): Promise<HttpActionOutput> {
  using deadline = startDeadline(signal, action.timeout_ms);
  const answer = await exchange({
    url: new URL(action.url),
    method: action.method,
    headers: withDefaults(action.headers, {
      'user-agent': 'tenma-http-action/1',
      accept: 'application/json, */*;q=0.5',
      'idempotency-key': idempotencyKey,
      ...(action.body === undefined ? {} : { 'content-type': 'application/json' }),
    }),
    ...(action.body === undefined ? {} : { body: JSON.stringify(action.body) }),
    ca: action.ca,
    maxBodyBytes,
    timeoutMs: action.timeout_ms,
    signal: deadline.signal,
  });
  signal.throwIfAborted();
  return {
    ...judge(action, answer, deadline.expired()),
    status: answer.status,
    body: bodyOf(answer),
    body_truncated: answer.truncated,
    timings: answer.timings,
  };
}

function judge(action: HttpActionInput, { status, error }: Exchange, expired: boolean): Verdict {
  if (expired) return down('timeout', `no answer within ${action.timeout_ms} ms; the target may have acted`);
  if (error !== undefined) return downBecauseOf(error);
  if (status !== null && isExpected(status, action.expect_status)) return up(`status ${status}`);
  return down(`status_${status}`, `status ${status}, expected ${action.expect_status.join(', ')}`);
}

function bodyOf({ body, headers, truncated }: Exchange): Json {
  if (body.length === 0) return null;
  const text = body.toString();
  if (truncated || !/[/+]json\b/i.test(headers['content-type'] ?? '')) return text;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

export const httpActionWorker = defineWorker({
  type: 'http-action',
  version: '1.0.0',
  description:
    'Acts on a target by an HTTP request with the idempotency key of the task. A refusal or an error status is the verdict `down`, not a failure, and is not retried.',
  input,
  output,
  timeout_ms: attemptTimeoutMs,
  example: { url: 'http://localhost:8080/restart', body: { unit: 'cache' } },
  run: ({ input: action, signal, task }) =>
    httpAction(action, { signal, idempotencyKey: task.idempotency_key }),
});
