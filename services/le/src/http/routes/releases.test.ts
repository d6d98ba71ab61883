import { emptyFleet, withPresence } from '@tenma/fleet';
import { releaseViewSchema, type VersionReport } from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import { weeWith } from '../../releases/fixture.ts';
import { openRegistry } from '../fixtures/registry.ts';

const path = '/api/v1/releases';
const report = (version: string, role: VersionReport['role']): VersionReport => ({
  type: 'echo',
  version,
  role,
  processes: 2,
  running: 0,
  runs: 10,
  failures: 0,
  mean_ms: 4,
  shadows: 0,
  differences: 0,
  verdict: null,
  reason: null,
});

/** Two WEEs have `echo`: one of them the newer version, too. */
async function open({ latest = '1.1.0' } = {}) {
  const registry = await openRegistry();
  const versions = [report('1.0.0', 'stable'), { ...report('1.0.0', 'stable'), type: 'other' }];
  const wees = [weeWith('wee-1', ['1.0.0'], { versions }), weeWith('wee-2', ['1.0.0', latest])];
  const view = wees.reduce((fleet, wee) => withPresence(fleet, wee, 0), emptyFleet);
  Object.assign(registry.verbs.fleet, { view });
  return registry;
}

describe('releases', () => {
  it('are listed and shown with what each WEE says of each version', async () => {
    await using registry = await open();
    const { ask } = registry;
    expect((await ask('GET', path)).body).toEqual({ items: [] });
    await ask('POST', `${path}/echo/rollback`, {});
    const shown = await ask('GET', `${path}/echo`);
    expect(shown.status).toBe(200);
    expect(releaseViewSchema.strict().parse(shown.body)).toEqual({
      type: 'echo',
      stable: '1.0.0',
      candidate: null,
      share: 0.1,
      since: '2026-02-20T10:30:00.000Z',
      rejected: [{ version: '1.1.0', reason: 'rolled back by hand', at: '2026-02-20T10:30:00.000Z' }],
      hold: true,
      versions: [{ ...report('1.0.0', 'stable'), wee_id: 'wee-1', region: 'here' }],
    });
    expect((await ask('GET', path)).body).toEqual({ items: [shown.body] });
  });

  it('are tried, given another share, promoted and rolled back by hand', async () => {
    await using registry = await open({ latest: '2.0.0-beta.1' });
    const { ask } = registry;
    const version = '2.0.0-beta.1';
    const begun = await ask('POST', `${path}/echo/update`, { version });
    expect(begun).toMatchObject({ status: 200, body: { stable: '1.0.0', candidate: version, share: 0.1 } });
    const since = releaseViewSchema.parse(begun.body).since;
    await registry.clock.advance(1_000);
    const more = await ask('POST', `${path}/echo/update`, { version, share: 0.5 });
    expect(more.body).toMatchObject({ candidate: version, share: 0.5, since });
    const other = await ask('POST', `${path}/echo/promote`, { version: '1.2.0' });
    expect(other).toMatchObject({ status: 409, problem: { code: 'invalid_state' } });
    expect(other.problem.hint).toContain(`${path}/echo/promote {"version": "${version}"}`);
    const promoted = await ask('POST', `${path}/echo/promote`);
    expect(promoted).toMatchObject({ status: 200, body: { stable: version, candidate: null } });
    const back = await ask('POST', `${path}/echo/rollback`);
    expect(back).toMatchObject({ status: 200, body: { stable: '1.0.0', hold: true } });
    expect(back.body).toMatchObject({ rejected: [{ version, reason: 'rolled back by hand' }] });
    const again = await ask('POST', `${path}/echo/update`, { version });
    expect(again.body).toMatchObject({ candidate: version, rejected: [], hold: false });
    const ended = await ask('POST', `${path}/echo/rollback`, { reason: 'slow' });
    expect(ended.body).toMatchObject({
      stable: '1.0.0',
      candidate: null,
      hold: false,
      rejected: [{ version, reason: 'slow' }],
    });
  });

  it.each([
    ['GET', 'nobody', undefined, 404, 'unknown_release', 'Known types: '],
    ['POST', 'nobody/update', { version: '1.0.0' }, 404, 'unknown_release', 'Known types: '],
    ['POST', 'nobody/promote', undefined, 404, 'unknown_release', 'Known types: '],
    [
      'POST',
      'echo/update',
      { version: '3.0.0' },
      404,
      'unknown_release',
      'Versions there are: 1.1.0, 1.0.0.',
    ],
    ['POST', 'echo/update', { version: '1.1.0' }, 409, 'invalid_state', '1.1.0 (stable), 1.0.0.'],
    ['POST', 'echo/update', { version: 'new' }, 422, 'invalid_request', ''],
    ['POST', 'echo/update', { version: '1.0.0', share: 2 }, 422, 'invalid_request', ''],
    ['POST', 'echo/update', undefined, 422, 'invalid_request', ''],
    ['POST', 'echo/promote', undefined, 409, 'invalid_state', '{"version": "1.0.0"}'],
    ['POST', 'echo/promote', { reason: 'fine' }, 422, 'invalid_request', ''],
    ['POST', 'echo/rollback', { why: 'so' }, 422, 'invalid_request', ''],
    [
      'POST',
      'echo/rollback',
      { version: '1.0.0' },
      409,
      'invalid_state',
      'Versions there are: 1.1.0 (stable), 1.0.0.',
    ],
  ] as const)('%s %s %j is refused, and changes nothing', async (method, at, body, status, code, hint) => {
    await using registry = await open();
    const before = await registry.standing();
    const refused = await registry.ask(method, `${path}/${at}`, body);
    expect(refused).toMatchObject({ status, problem: { code } });
    expect(refused.problem.hint).toContain(hint);
    expect(await registry.standing()).toEqual(before);
  });

  it('cannot be rolled back when there is no earlier version', async () => {
    await using registry = await open();
    const { ask } = registry;
    await ask('POST', `${path}/echo/rollback`);
    const refused = await ask('POST', `${path}/echo/rollback`);
    expect(refused).toMatchObject({ status: 409, problem: { code: 'invalid_state' } });
    expect(refused.problem.hint).toContain('1.1.0 (rejected), 1.0.0 (stable)');
  });
});
