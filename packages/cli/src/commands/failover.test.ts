import { type FakeLe, sendJson, sendProblem, startFakeLe } from '@tenma/client/testing';
import { problem } from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import { cli } from '../cli-fixture.ts';

const changes = (le: FakeLe) =>
  le.requests.filter(
    ({ method, body }) => method !== 'GET' && (body as { dry_run?: boolean }).dry_run !== true,
  );
const here = { tty: true, environment: { NO_COLOR: '1' } };

describe('failover plan', () => {
  it('begins at the active region, says where to and why not elsewhere, and changes nothing', async () => {
    await using le = await startFakeLe();
    le.geo.addRegion({ region_id: 'osaka', location: { lat: 34, lon: 135 }, priority: 1, maintenance: true });
    le.geo.addNode({ node_id: 'web-1', region_id: 'tokyo', endpoint: '127.0.0.1:1' });
    const sees = { observer: 'oregon', sees: 'down', failures: 3, at: null, reason: null } as const;
    le.geo.nodes.change('web-1', { status: 'offline', observers: [sees] });
    const { code, stdout, stderr } = await cli(le, 'failover plan');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^FROM +tokyo \(online, priority 1, 1 nodes\)$/m);
    expect(stdout).toMatch(/^TO +oregon \(online/m);
    expect(stdout).toMatch(/^PASSED OVER +osaka: it is maintenance$/m);
    expect(stdout).toMatch(/^NODES LEFT +web-1: offline \(oregon sees down\)$/m);
    expect(stdout).toMatch(/^EPOCH +1, to be 2$/m);
    expect(stderr).toBe('Do it: tenma failover run --from tokyo --to oregon --reason "…"\n');
    expect(changes(le)).toEqual([]);
  });

  it('of what LE refuses exits 6, with the reason', async () => {
    await using le = await startFakeLe();
    le.geo.regions.change('oregon', { status: 'offline' });
    const { code, stdout, stderr } = await cli(le, 'failover plan --to oregon');
    expect({ code, stdout }).toEqual({ code: 6, stdout: '' });
    expect(stderr).toContain('error: oregon: it is offline (failover_refused)');
  });
});

describe('failover run', () => {
  it('shows the plan, asks, and carries out what was shown', async () => {
    await using le = await startFakeLe();
    const { code, stdout, stderr } = await cli(le, 'failover run --reason flood', { ...here, stdin: 'y\n' });
    expect(code).toBe(0);
    expect(stderr).toMatch(/^FROM +tokyo[^]*Fail over from tokyo to oregon\? \[y\/N\] ✓ failed over\n$/);
    expect(stdout).toMatch(/^REASON +flood$/m);
    expect(changes(le).map(({ body }) => body)).toEqual([
      { from_region: 'tokyo', to_region: 'oregon', reason: 'flood' },
    ]);
    expect(le.geo.active).toMatchObject({ region_id: 'oregon', epoch: 2 });
  });

  it.each(['n\n', '\n', ''])('changes nothing for the answer %j', async (stdin) => {
    await using le = await startFakeLe();
    const { code, stderr } = await cli(le, 'failover run --reason flood', { ...here, stdin });
    expect({ code, sent: changes(le) }).toEqual({ code: 130, sent: [] });
    expect(stderr).toContain('Nothing was changed');
  });

  it('asks nothing with --yes, and passes on every option', async () => {
    await using le = await startFakeLe();
    const options = '--from tokyo --reason flood --prefer nearest --yes';
    expect(await cli(le, `failover run ${options}`)).toMatchObject({ code: 0 });
    expect(changes(le)[0]?.body).toEqual({ from_region: 'tokyo', reason: 'flood', prefer: 'nearest' });
  });

  it('tells how long to wait when the last one was a moment ago', async () => {
    await using le = await startFakeLe();
    const cooling = problem('failover_cooldown', { retryAfterMs: 90_000 });
    le.play(({ method }, response) => method === 'POST' && sendProblem(response, cooling));
    const { code, stderr } = await cli(le, 'failover run --reason flood --yes');
    expect(code).toBe(6);
    expect(stderr).toContain(
      'hint: Wait 1 m 30 s, or set the active region by hand with tenma region activate.',
    );
  });

  it.each([
    ['failover run --reason flood --yes', 'tenma failover history'],
    ['region activate oregon --yes', 'tenma region ls'],
    ['geo import - --yes', 'tenma region ls'],
  ])('and all else that moves `active` is not sent again, and says where to look: %s', async (line, look) => {
    await using le = await startFakeLe();
    le.play(({ method }, response) => method !== 'GET' && Boolean(response.destroy()));
    const { code, stderr } = await cli(le, line, { stdin: '{}' });
    expect({ code, sent: changes(le).length }).toEqual({ code: 1, sent: 1 });
    expect(stderr).toContain(`It may have been done all the same: look at ${look}`);
  });

  it('that did not succeed exits 5', async () => {
    await using le = await startFakeLe();
    await cli(le, 'failover run --reason flood --yes');
    const event = { ...le.geo.events[0], success: false };
    const answer = { status: 'failover_executed', event };
    le.play(({ method }, response) => method === 'POST' && sendJson(response, 200, answer));
    const { code, stderr } = await cli(le, 'failover run --reason flood --yes');
    expect({ code, stderr }).toEqual({ code: 5, stderr: '✗ not failed over\n' });
  });
});

describe('region activate', () => {
  it('asks as well, naming what moves where', async () => {
    await using le = await startFakeLe();
    const { code, stderr } = await cli(le, 'region activate oregon', { ...here, stdin: 'yes\n' });
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: 'Move the active region from tokyo to oregon (Oregon, online)? [y/N] ',
    });
    expect(le.geo.active).toMatchObject({ region_id: 'oregon', epoch: 2 });
  });
});

describe('region activate of a region that cannot serve', () => {
  it.each([
    ['offline', 'oregon is offline'],
    ['maintenance', 'oregon is in maintenance'],
  ] as const)('is refused, and exits 6: %s', async (status, why) => {
    await using le = await startFakeLe();
    le.geo.regions.change('oregon', { status, maintenance: status === 'maintenance' });
    const { code, stderr } = await cli(le, 'region activate oregon --yes');
    expect(code).toBe(6);
    expect(stderr).toContain(`error: ${why} (failover_refused)`);
    const help = (await cli(le, 'region activate --help')).stdout;
    expect(help).toContain('whatever the cool-down; asks first');
    expect(help).not.toContain('whatever its state');
  });
});

describe('failover history', () => {
  it('is one line a failover, newest first, with how long it took', async () => {
    await using le = await startFakeLe();
    await cli(le, 'failover run --reason flood --yes');
    await cli(le, 'failover run --reason repaired --yes');
    const [newest] = le.geo.events;
    if (newest === undefined) throw new Error('no failover');
    newest.detected_at = new Date(Date.parse(newest.timestamp) - 20_100).toISOString();
    const lines = (await cli(le, 'failover history -n 5')).stdout.trim().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatch(/ oregon +tokyo +3 +operator +repaired +done +20.1 s +0 /);
    expect(lines[2]).toMatch(/ tokyo +oregon +2 +operator +flood +done +– +0 /);
    expect((await cli(le, 'failover history -n 1')).stdout.trim().split('\n')).toHaveLength(2);
  });
});
