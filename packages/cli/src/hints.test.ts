import { errorCatalogue, errorCodes, problem } from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import { hintAtPrompt } from './hints.ts';

describe('a hint at the prompt', () => {
  it.each(errorCodes.filter((code) => errorCatalogue[code].status !== null))(
    'names commands, no addresses, headers or fields of the body (%s)',
    (code) => {
      expect(hintAtPrompt(problem(code))).not.toMatch(
        /\b(?:GET|POST|PUT|PATCH|DELETE)\b|\/api\/|\/readyz|\/docs|openapi|`errors|`dry_run|Retry-After/,
      );
    },
  );

  it('says how long to wait where LE does', () => {
    const cooling = problem('failover_cooldown', { retryAfterMs: 130_000 });
    expect(hintAtPrompt(cooling)).toBe(
      'Wait 2 m 10 s, or set the active region by hand with tenma region activate.',
    );
  });

  it('names the command for the thing in hand', () => {
    const hint = 'Switch it off instead: PATCH /api/v1/policies/auto-failover {"enabled": false}.';
    expect(hintAtPrompt({ hint })).toBe('Switch it off instead: tenma policy disable auto-failover.');
  });

  it('keeps what LE says of the case in hand', () => {
    expect(
      hintAtPrompt({ hint: 'There are probe-http and probe-tcp; GET /api/v1/task-types lists them.' }),
    ).toBe('There are probe-http and probe-tcp; tenma type ls lists them.');
  });
});
