import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClient } from '@tenma/client';
import { startFakeLe } from '@tenma/client/testing';
import { idleReport, type Presence, type ReleaseView } from '@tenma/protocol';
import { temporaryFolder } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import { cli } from '../cli-fixture.ts';
import { aPool, aType, aWee } from '../fabric-fixture.ts';

const reported = { ...idleReport, version: '1.0.0' };

describe('doctor', () => {
  const checks = { store: { ok: true, detail: 'connected' }, bus: { ok: false, detail: 'connecting' } };

  it('names what does not work and the remedy; with --exit-code that is 7', async () => {
    await using le = await startFakeLe({ readiness: { status: 'not_ready', checks } });
    const { code, stdout } = await cli(le, 'doctor');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^✗ bus +connecting\n +→ .*TENMA_AMQP_URL/m);
    expect(stdout).toMatch(/^! workers +none present/m);
    expect(await cli(le, 'doctor --exit-code')).toMatchObject({ code: 7 });
  });

  it('tells the types that a WEE runs from those that are only known, also with --json', async () => {
    const spare = { ...reported, type: 'spare' };
    const worker = aWee({ versions: [{ ...reported, type: 'probe', role: 'stable' }, spare] });
    const known = ['echo', 'probe', 'gone', 'spare'].map((type) => aType(type));
    await using le = await startFakeLe({ lists: { 'task-types': known, workers: [worker] } });
    const { stdout } = await cli(le, 'doctor');
    expect(stdout).toMatch(
      /^! types +echo@1\.0\.0, probe@1\.0\.0; known, but no WEE runs it: gone@1\.0\.0, spare@1\.0\.0\n +→ Start a WEE.*tenma type rm TYPE$/m,
    );
    const { checks: told } = JSON.parse((await cli(le, 'doctor --json')).stdout) as { checks: object[] };
    expect(told).toContainEqual(
      expect.objectContaining({
        name: 'types',
        status: 'warning',
        not_run: ['gone@1.0.0', 'spare@1.0.0'],
      }),
    );
  });

  it('names the type that may have been retired, and is content when it is forgotten', async () => {
    const known = ['echo', 'gone'].map((type) => aType(type));
    await using le = await startFakeLe({ lists: { 'task-types': known, workers: [aWee()] } });
    expect((await cli(le, 'doctor')).stdout).toMatch(
      /^! types +.*\n +→ .* retired, forget it: tenma type rm gone$/m,
    );
    expect(await cli(le, 'type rm gone')).toMatchObject({ code: 0, stderr: 'removed gone\n' });
    expect((await cli(le, 'doctor')).stdout).toMatch(/^✓ types +echo@1\.0\.0$/m);
  });

  describe('of versions', () => {
    const probe = { ...reported, type: 'echo', version: '1.1.0' };
    const told = async (worker: Partial<Presence>, release: Partial<ReleaseView>) => {
      const lists = {
        'task-types': [aType('echo', { version: '1.1.0' })],
        workers: [aWee(worker)],
      };
      await using le = await startFakeLe({ lists });
      le.releases.add('echo', ['1.1.0']);
      le.releases.change('echo', release);
      return (await cli(le, 'doctor')).stdout;
    };

    it('that run in place of the stable one it names both, and how to bring that back', async () => {
      const stdout = await told({}, {});
      expect(stdout).toMatch(/^✓ types +echo@1\.0\.0$/m);
      expect(stdout).toMatch(
        /^! releases +echo@1\.1\.0 is stable, but WEEs run 1\.0\.0 in its place\n +→ .*TENMA_WORKERS_DIR left out/m,
      );
      expect(stdout).toContain('tenma worker update echo 1.0.0, then tenma worker promote echo.');
      expect(stdout).not.toContain('nobody runs');
    });

    it('that a WEE has and does not run it says where to look', async () => {
      const stdout = await told({ versions: [probe] }, {});
      expect(stdout).toContain('A WEE has echo@1.1.0 and does not run it: tenma worker versions echo');
      expect(stdout).not.toContain('TENMA_WORKERS_DIR');
    });

    it('that are on trial and that no WEE has it says so, also where nobody runs the type', async () => {
      for (const present of [{ versions: [{ ...probe, role: 'stable' as const }] }, { pools: [] }]) {
        const stdout = await told(present, { candidate: '1.2.0' });
        expect(stdout).toMatch(
          /^! releases +echo@1\.2\.0 is on trial, but no WEE has it\n +→ .*tenma worker rollback echo 1\.2\.0\.$/m,
        );
      }
    });

    it('that agree with the releases it says nothing', async () => {
      const versions = [
        { ...probe, role: 'stable' as const },
        { ...probe, version: '1.2.0' },
      ];
      expect(await told({ versions }, { candidate: '1.2.0' })).not.toContain('releases');
    });
  });

  describe('of what submits tasks by itself', () => {
    const nodes = ['web-1', 'web-2', 'db-1'].map((id) => ({
      node_id: id,
      region_id: 'tokyo',
      endpoint: '127.0.0.1:1',
      node_type: id === 'db-1' ? ('storage' as const) : ('general' as const),
    }));
    const open = async (types: readonly string[], run: readonly string[]) => {
      const worker = aWee({ pools: run.map((type) => aPool({ type })) });
      const lists = {
        'task-types': types.map((type) => aType(type)),
        workers: run.length > 0 ? [worker] : [],
      };
      const le = await startFakeLe({ lists, geo: { nodes } });
      const client = createClient({ url: le.url });
      // oxlint-disable-next-line unicorn/no-thenable -- the API's own word, and no function
      const policy = { when: { event: 'region.status' as const }, then: { type: 'region-failover' } };
      await client.policies.create({ ...policy, policy_id: 'auto-failover' });
      await client.policies.create({ ...policy, policy_id: 'off', enabled: false });
      const schedule = { task: { type: 'echo' }, every_ms: 60_000 };
      await client.schedules.create({ ...schedule, schedule_id: 'home' });
      await client.schedules.create({ ...schedule, schedule_id: 'idle', paused: true });
      return le;
    };

    it('names who submits what LE does not know, and what no WEE runs, with the remedies', async () => {
      await using le = await open(['echo', 'mine'], ['mine']);
      const { stdout } = await cli(le, 'doctor');
      expect(stdout).toContain(
        '! submitters  LE does not know region-failover (for the policy auto-failover), ' +
          'probe-http (for the probes of the node web-1, the probes of the node web-2), ' +
          'probe-tcp (for the probes of the node db-1); no WEE runs echo (for the schedule home)\n',
      );
      expect(stdout).toMatch(/→ Start a WEE that has it \(TENMA_WORKERS .*@tenma\/workers/);
      expect(stdout).toContain(
        'end what needs it: tenma policy disable auto-failover, tenma schedule pause home, ' +
          'tenma node edit web-1 --probes off, tenma node edit web-2 --probes off, ' +
          'tenma node edit db-1 --probes off\n',
      );
      const { checks: all } = JSON.parse((await cli(le, 'doctor --json')).stdout) as { checks: object[] };
      expect(all).toContainEqual(
        expect.objectContaining({
          name: 'submitters',
          status: 'warning',
          unknown: ['region-failover', 'probe-http', 'probe-tcp'],
          not_run: ['echo@1.0.0'],
        }),
      );
    });

    it('that is run it says nothing, nor of what is switched off, paused or in maintenance', async () => {
      const run = ['echo', 'region-failover', 'probe-http'];
      await using le = await open(run, run);
      expect((await cli(le, 'doctor')).stdout).toContain('LE does not know probe-tcp (for the probes of the');
      expect(await cli(le, 'doctor --exit-code')).toMatchObject({ code: 7 });
      le.geo.nodes.change('db-1', { status: 'maintenance' });
      expect((await cli(le, 'doctor --exit-code')).stdout).not.toContain('submitters');
      expect(await cli(le, 'doctor --exit-code')).toMatchObject({ code: 0 });
      le.geo.nodes.change('db-1', { status: 'unknown', probe: { enabled: false } });
      expect(await cli(le, 'doctor --exit-code')).toMatchObject({ code: 0 });
      le.geo.nodes.change('db-1', { probe: {} });
      expect(await cli(le, 'doctor --exit-code')).toMatchObject({ code: 7 });
    });

    it('says nothing where no WEE is there, as then nothing is run', async () => {
      await using le = await open(['mine'], []);
      expect((await cli(le, 'doctor')).stdout).not.toContain('submitters');
    });
  });

  it('sees a clock that is wrong', async () => {
    await using le = await startFakeLe();
    le.play((request, response) => {
      response.setHeader('date', new Date(Date.now() - 3_600_000).toUTCString());
      return request.path === '';
    });
    expect((await cli(le, 'doctor')).stdout).toMatch(/^! clock +LE's clock is 1 h 0 m behind/m);
  });

  it('reads a token from the file that TENMA_TOKEN_FILE names', async () => {
    await using le = await startFakeLe();
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'token');
    await writeFile(file, 'secret\n');
    await cli(le, 'doctor', { environment: { TENMA_TOKEN_FILE: file } });
    expect(le.requests.every(({ headers }) => headers.authorization === 'Bearer secret')).toBe(true);
  });
});
