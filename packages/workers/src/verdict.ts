import { z } from 'zod';

/** What every probe and action answers first; spread it into an output's shape. */
export const verdictShape = {
  verdict: z.enum(['up', 'down']),
  reason: z.string().describe('Stable, for programs: `ok`, or why it is down, such as `connection_refused`.'),
  message: z.string().describe('The reason for people.'),
};

export interface Verdict {
  verdict: 'up' | 'down';
  reason: string;
  message: string;
}

export function up(message: string): Verdict {
  return { verdict: 'up', reason: 'ok', message };
}

export function down(reason: string, message: string): Verdict {
  return { verdict: 'down', reason, message };
}

/** For the `shadow` of a probe: reasons, times and addresses differ from one moment to the next. */
export function sameVerdict(before: Verdict, after: Verdict): boolean {
  return before.verdict === after.verdict;
}
