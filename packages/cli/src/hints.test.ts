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

  it('names the command that puts a version on trial, and the one that ends the trial', () => {
    const hint = 'POST /api/v1/releases/echo/update {"version": "1.2.0"} puts one on trial.';
    expect(hintAtPrompt({ hint })).toBe('tenma worker update echo 1.2.0 puts one on trial.');
    const end = 'POST /api/v1/releases/echo/rollback {"version": "1.2.0"} ends the trial.';
    expect(hintAtPrompt({ hint: end })).toBe('tenma worker rollback echo 1.2.0 ends the trial.');
    expect(hintAtPrompt(problem('blob_incomplete', { retryAfterMs: 2_000 }))).toBe('Ask again in 2.0 s.');
  });

  it('names a command wherever LE names its address', () => {
    const said = (version: string) => `POST /api/v1/releases/echo/update {"version": "${version}"}`;
    expect(hintAtPrompt({ hint: `${said('1.1.0')}, or ${said('VERSION')}.` })).toBe(
      'tenma worker update echo 1.1.0, or tenma worker update echo VERSION.',
    );
  });

  it('names the commands that let go of a task type', () => {
    const hint = 'GET /api/v1/tasks?type=echo&state=waiting,queued; DELETE /api/v1/schedules/home';
    expect(hintAtPrompt({ hint })).toBe(
      'tenma task ls --type echo --state waiting,queued; tenma schedule rm home',
    );
    const others = 'DELETE /api/v1/policies/tell, DELETE /api/geo/nodes/web-1.';
    expect(hintAtPrompt({ hint: others })).toBe('tenma policy rm tell, tenma node rm web-1.');
    for (const probe of ['{}', '{"enabled": false}']) {
      const said = `PATCH /api/geo/nodes/web-1 {"probe": ${probe}} (or DELETE /api/geo/nodes/web-1).`;
      expect(hintAtPrompt({ hint: said })).toBe(
        'tenma node edit web-1 --default-probe (or tenma node rm web-1).',
      );
    }
  });

  it('keeps what LE says of the case in hand', () => {
    expect(
      hintAtPrompt({ hint: 'There are probe-http and probe-tcp; GET /api/v1/task-types lists them.' }),
    ).toBe('There are probe-http and probe-tcp; tenma type ls lists them.');
  });
});
