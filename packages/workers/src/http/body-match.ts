import { createContext, runInContext } from 'node:vm';
import { WorkerError } from '@tenma/worker';
import { z } from 'zod';

/** What one match may take of the event loop that other probes share. */
const matchTimeoutMs = 100;

export const bodyMatchSchema = z
  .union([
    z.string().min(1).max(4_096).describe('A text that the body contains.'),
    z
      .object({
        regex: z.string().min(1).max(1_024),
        flags: z
          .string()
          .regex(/^[imsu]*$/)
          .default(''),
      })
      .refine(({ regex, flags }) => isRegex(regex, flags), 'must be a regular expression of JavaScript'),
  ])
  .describe('A text that the body contains, or { regex, flags } that it matches; of its first 64 KiB.');
export type BodyMatch = z.infer<typeof bodyMatchSchema>;

function isRegex(regex: string, flags: string): boolean {
  try {
    return new RegExp(regex, flags) instanceof RegExp;
  } catch {
    return false;
  }
}

/**
 * Whether the body is as expected. A regular expression runs under a time limit of its own: one that backtracks
 * without end would hold every other attempt of the process.
 * @throws WorkerError `body_match_too_slow`, which is a fault of the expression and not of the target.
 */
export function matchesBody(body: string, match: BodyMatch): boolean {
  if (typeof match === 'string') return body.includes(match);
  const context = createContext({ regex: match.regex, flags: match.flags, body });
  try {
    return runInContext('new RegExp(regex, flags).test(body)', context, { timeout: matchTimeoutMs }) === true;
  } catch (cause) {
    throw new WorkerError(`the regular expression took longer than ${matchTimeoutMs} ms`, {
      code: 'body_match_too_slow',
      cause,
    });
  }
}
