import { z } from 'zod';
import { type ErrorCode, errorCatalogue } from './errors.ts';

/** RFC 9457 problem details, with a stable `code` and, for bad input, one pointer a fault. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string(),
    retryable: z.boolean(),
    hint: z.string(),
    retry_after_ms: z.int().optional(),
    instance: z.string().optional(),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof problemSchema>;

export const problemContentType = 'application/problem+json';

export interface ProblemOptions {
  detail?: string;
  hint?: string;
  retryAfterMs?: number;
  instance?: string;
  errors?: { pointer: string; detail: string }[];
}

/** The problem document of a catalogue entry. Codes without a status answer 500. */
export function problem(code: ErrorCode, options: ProblemOptions = {}): Problem {
  const entry = errorCatalogue[code];
  return {
    type: `urn:tenma:problem:${code}`,
    title: entry.title,
    status: entry.status ?? 500,
    detail: options.detail ?? entry.title,
    code,
    retryable: entry.retryable,
    hint: options.hint ?? entry.remedy,
    ...(options.retryAfterMs === undefined ? {} : { retry_after_ms: Math.ceil(options.retryAfterMs) }),
    ...(options.instance === undefined ? {} : { instance: options.instance }),
    ...(options.errors === undefined ? {} : { errors: options.errors }),
  };
}

/** A JSON pointer as a URI fragment (`#/input/url`), from the keys that lead to the value. */
export function pointer(path: readonly PropertyKey[]): string {
  return `#${path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')}`;
}
