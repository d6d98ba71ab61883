import { type ErrorCode, type Problem, problemSchema } from '@tenma/protocol';
import { z } from 'zod';
import type { Answer } from '../documents/change-documents.ts';
import type { DocumentCache } from '../documents/document-cache.ts';
import { ProblemError } from './problem-reply.ts';

export const problems = { '4xx': problemSchema, '5xx': problemSchema };

export const deleted = z.null().describe('It is gone.');

/** What a verb of a registry did. @throws ProblemError with why it did not */
export function granted<Value>(answer: Answer<Value>): Value {
  if ('problem' in answer) throw refused(answer.problem);
  return answer.value;
}

/** To be thrown: becomes the answer. */
export function refused({ code, detail, hint, errors, retry_after_ms: retryAfterMs }: Problem): ProblemError {
  return new ProblemError(code as ErrorCode, {
    detail,
    hint,
    ...(errors === undefined ? {} : { errors }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** Runs before a route that answers from the documents: until they have been read there is nothing to answer from. */
export function onceRead(components: { readonly documents: DocumentCache }): () => Promise<void> {
  return async () => {
    if (components.documents.loaded) return;
    throw new ProblemError('store_unavailable', { detail: 'the store has not been read yet' });
  };
}
