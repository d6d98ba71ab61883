import {
  type ErrorCode,
  type Problem,
  type ProblemOptions,
  problem,
  problemContentType,
} from '@tenma/protocol';
import type { Log } from '@tenma/runtime';
import { StoreUnavailableError } from '@tenma/store';
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';

/** Seconds a client should wait before it asks again. */
const retryAfterSeconds = 2;

/** Thrown by handlers; becomes the answer. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly problem: Problem;
  constructor(code: ErrorCode, options?: ProblemOptions) {
    super(code);
    this.problem = problem(code, options);
  }
}

export function sendProblem(reply: FastifyReply, body: Problem): FastifyReply {
  const seconds =
    body.retry_after_ms === undefined
      ? body.status === 503 && retryAfterSeconds
      : Math.ceil(body.retry_after_ms / 1_000);
  if (seconds) void reply.header('retry-after', String(seconds));
  return reply.code(body.status).type(problemContentType).send(JSON.stringify(body));
}

/** Every error of every route, and every address without a route, answers with a problem document; faults are logged. */
export function answerWithProblems(app: FastifyInstance, log: Log): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const body = problemOf(error);
    if (body.code === 'internal') {
      log.error({ err: error, method: request.method, url: request.url }, 'a request failed');
    }
    return sendProblem(reply, { ...body, instance: request.url });
  });
  app.setNotFoundHandler((request, reply) =>
    sendProblem(
      reply,
      problem('not_found', {
        detail: `nothing answers ${request.method} ${request.url}`,
        instance: request.url,
      }),
    ),
  );
}

function problemOf(error: FastifyError): Problem {
  if (error instanceof ProblemError) return error.problem;
  if (error instanceof StoreUnavailableError) return problem('store_unavailable', { detail: error.message });
  if (hasZodFastifySchemaValidationErrors(error)) {
    const errors = error.validation.map(({ instancePath, message }) => ({
      pointer: `#${instancePath}`,
      detail: message ?? 'is not valid',
    }));
    return problem('invalid_request', { errors });
  }
  const detail = error.message;
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return problem('too_large', { detail });
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return problem('unsupported_media_type', { detail });
    default:
      if (error.statusCode === 400) return problem('invalid_json', { errors: [{ pointer: '#', detail }] });
      return problem('internal');
  }
}
