import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, rmdir, symlink } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { startFakeLe } from '@tenma/client/testing';
import type { ReleaseView, VersionReport } from '@tenma/protocol';
import { temporaryFolder } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import { cli } from '../cli-fixture.ts';
import { aPool, aWee } from '../fabric-fixture.ts';

describe('the WEEs', () => {
  it('are listed with the slots of their pools together, and how many are busy', async () => {
    const load = { running: 1, held: 2 };
    const pools = [
      aPool({ ...load, slots: 200, busy: 10 }),
      aPool({ ...load, pool: 'sum-v1', slots: 64, busy: 1 }),
    ];
    const workers = [aWee({ pools }), aWee({ wee_id: 'wee-old', pools: [aPool(load)] })];
    await using le = await startFakeLe({ lists: { workers } });
    const lines = (await cli(le, 'worker ls')).stdout.split('\n');
    expect(lines[0]).toMatch(/^WEE +REGION +STATUS +TYPES +SLOTS +BUSY +RUNNING +HELD +VERSION +SINCE$/);
    expect(lines[1]).toMatch(/^wee-1 +tokyo +online +– +264 +11 +2 +4 +0\.1\.0 /);
    expect(lines[2]).toMatch(/^wee-old +tokyo +online +– +4 +– +1 +2 +0\.1\.0 /);
  });
});

describe('releases', () => {
  it('are listed with what the WEEs say of the candidate', async () => {
    await using le = await startFakeLe();
    const probe = le.releases.add('probe', ['2.0.0']);
    const run = (release: ReleaseView, role: VersionReport['role']) =>
      release.versions.map((one) => ({ ...one, role }));
    le.releases.change('probe', { versions: run(probe, 'stable') });
    const echo = le.releases.add('echo', ['1.0.0', '1.1.0']);
    const judged = run(echo, 'candidate').map((one) => ({ ...one, verdict: 'trying' as const }));
    const more = judged.map((one) => ({ ...one, wee_id: 'wee-2', verdict: 'healthy' as const }));
    le.releases.change('echo', { candidate: '1.1.0', share: 0.1, versions: [...judged, ...more] });
    const lines = (await cli(le, 'worker versions')).stdout.split('\n');
    expect(lines[0]).toMatch(/^TYPE +STABLE +CANDIDATE +SHARE +VERDICT +HOLD +REJECTED +SINCE$/);
    expect(lines[1]).toMatch(/^probe +2\.0\.0 +– +– +– +– +– +\S+Z$/);
    expect(lines[2]).toMatch(/^echo +1\.0\.0 +1\.1\.0 +10 % +trying 1, healthy 1 +– +– +\S+Z$/);
  });

  it('that name versions which no WEE runs say so, also with --json', async () => {
    await using le = await startFakeLe();
    const { versions } = le.releases.add('echo', ['1.0.0', '1.1.0']);
    const candidate = { candidate: '1.1.0', share: 0.1 };
    // The WEE that had the stable version has gone; another holds the candidate, and gives it nothing yet.
    le.releases.change('echo', { ...candidate, versions: versions.filter((one) => one.version === '1.1.0') });
    const table = (await cli(le, 'worker versions')).stdout;
    expect(table).toMatch(
      /^echo +1\.0\.0 \(known, but no WEE has it\) +1\.1\.0 \(no WEE runs it now\) +10 %/m,
    );
    const { stdout } = await cli(le, 'worker versions echo');
    expect(stdout).toMatch(
      /^STABLE +1\.0\.0 \(known, but no WEE has it\)\nCANDIDATE +1\.1\.0 \(no WEE runs it now\)$/m,
    );
    const json = async (line: string) => JSON.parse((await cli(le, `${line} --json`)).stdout) as unknown;
    expect(await json('worker versions echo')).toMatchObject({ not_run: ['1.0.0', '1.1.0'] });
    le.releases.change('echo', { versions: [] });
    expect((await cli(le, 'worker versions echo')).stdout).toMatch(/^VERSIONS +no WEE has any$/m);
    const running = versions.map((one) => ({ ...one, role: 'stable' as const }));
    le.releases.change('echo', { candidate: null, versions: running });
    expect(await json('worker versions')).toMatchObject([{ stable: '1.0.0', not_run: [] }]);
  });

  it('are shown with how each version does in each WEE', async () => {
    await using le = await startFakeLe();
    const { versions } = le.releases.add('echo', ['1.0.0', '1.1.0']);
    const [stable, candidate] = versions;
    if (stable === undefined || candidate === undefined) throw new Error('no versions');
    const trusted = { ...stable, role: 'stable' } as const;
    const does = { processes: 2, runs: 90, failures: 3, mean_ms: 12.4, shadows: 8, differences: 1 };
    const reason = 'fails\nmore often';
    const now = { ...candidate, ...does, role: 'candidate', verdict: 'unhealthy', reason } as const;
    const rejected = [{ version: '0.9.0', reason: 'slow', at: '2026-11-21T00:00:00.000Z' }];
    const trial = { candidate: '1.1.0', share: 0.25, hold: true, rejected, versions: [trusted, now] };
    le.releases.change('echo', trial);
    const { stdout } = await cli(le, 'worker versions echo');
    expect(stdout).toMatch(/^STABLE +1\.0\.0\nCANDIDATE +1\.1\.0\nSHARE +25 %$/m);
    expect(stdout).toMatch(/^REJECTED +0\.9\.0 at 2026-11-21T00:00:00\.000Z: slow$/m);
    expect(stdout).toMatch(
      /^ {2}1\.1\.0 +wee-1 +tokyo +candidate +2 +0 +90 +3 +12 ms +8, 1 differ +unhealthy +fails more often$/m,
    );
    expect(await cli(le, 'worker versions none')).toMatchObject({ code: 3 });
  });

  it('are updated with a share in percent, promoted, and rolled back with a reason', async () => {
    await using le = await startFakeLe();
    le.releases.add('echo', ['1.0.0', '1.1.0', '1.2.0']);
    const sent = () => le.requests.at(-1);
    await cli(le, 'worker update echo 1.1.0');
    expect(sent()).toMatchObject({ path: '/api/v1/releases/echo/update', body: { version: '1.1.0' } });
    expect((await cli(le, 'worker promote echo')).stdout).toMatch(/^echo +1\.1\.0 +– /m);
    expect((await cli(le, 'worker update echo 1.2.0 --share 2.5')).stderr).toContain(
      'tenma worker versions echo',
    );
    expect(sent()?.body).toEqual({ version: '1.2.0', share: 0.025 });
    const args = ['worker', 'rollback', 'echo', '--reason', 'too slow'];
    expect((await cli(le, args)).stdout).toMatch(/^echo +1\.1\.0 +– +– +– +– +1\.2\.0 /m);
    expect(sent()?.body).toEqual({ reason: 'too slow' });
  });

  it('are promoted and rolled back only while they are what the caller thinks', async () => {
    await using le = await startFakeLe();
    le.releases.add('echo', ['1.0.0', '1.1.0', '1.2.0']);
    await cli(le, 'worker update echo 1.2.0');
    for (const verb of ['promote', 'rollback']) {
      expect(await cli(le, `worker ${verb} echo 1.1.0`)).toMatchObject({ code: 6 });
      expect(le.requests.at(-1)?.body).toEqual({ version: '1.1.0' });
    }
    expect((await cli(le, 'worker rollback echo 1.2.0')).stdout).toMatch(/^echo +1\.0\.0 +– /m);
  });

  it('that cannot be changed so are not: exit 2, 3 or 6', async () => {
    await using le = await startFakeLe();
    le.releases.add('echo', ['1.0.0']);
    expect(await cli(le, 'worker update echo 1.1.0 --share 0')).toMatchObject({ code: 2 });
    expect(await cli(le, 'worker update echo 1.1.0')).toMatchObject({ code: 3 });
    expect(await cli(le, 'worker promote echo')).toMatchObject({ code: 6 });
  });
});

const nowhere = { url: 'http://127.0.0.1:1' };
const root = fileURLToPath(new URL('../../../..', import.meta.url));

const run = promisify(execFile);
/** Without what this run of Vitest tells its own processes. */
const plainEnvironment = { PATH: process.env['PATH'], HOME: process.env['HOME'], NO_COLOR: '1' };

/** A folder where the checkout's packages are found, as below `my-workers`. */
async function checkoutFolder() {
  const folder = await temporaryFolder();
  await symlink(join(root, 'node_modules'), join(folder.path, 'node_modules'));
  return folder;
}

describe('a new worker', () => {
  it.each(['', ' --js'])('can be loaded, and names its type (%j)', async (option) => {
    await using folder = await checkoutFolder();
    const dir = join(folder.path, 'word-count');
    const { code, stdout, stderr } = await cli(nowhere, `worker new word-count --dir ${dir}${option}`);
    const main = join(dir, option === '' ? 'index.ts' : 'index.js');
    expect(code).toBe(0);
    expect(stdout.trim().split('\n')).toContain(main);
    expect(stderr).toMatch(/^load: TENMA_WORKERS=.* npm start\nrun: .* task run word-count /m);
    const module = (await import(pathToFileURL(main).href)) as { default: { type: string } };
    expect(module.default).toMatchObject({ type: 'word-count', version: '1.0.0' });
    expect(JSON.parse(await readFile(join(dir, 'package.json'), 'utf8'))).toMatchObject({
      name: 'word-count',
    });
    const readme = await readFile(join(dir, 'README.md'), 'utf8');
    expect(stderr.match(/(?<=^\w+: ).*/gm)?.filter((command) => !readme.includes(command))).toEqual([]);
  });

  it.each(['', ' --js'])('passes its own test in a checkout (%j)', { timeout: 60_000 }, async (option) => {
    await mkdir(join(root, 'my-workers'), { recursive: true });
    const parent = await mkdtemp(join(root, 'my-workers', 'test-'));
    try {
      const dir = relative(root, join(parent, 'word-count'));
      const { stderr } = await cli(nowhere, `worker new word-count --dir ${join(root, dir)}${option}`);
      expect(stderr).toMatch(/^test: npm test -- /);
      // What `npm test` runs.
      const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
      const { stdout } = await run(process.execPath, [vitest, 'run', dir], {
        cwd: root,
        env: plainEnvironment,
      });
      expect(stdout).toMatch(/Tests +2 passed/);
    } finally {
      await rm(parent, { recursive: true });
      // Somebody's own workers stay.
      await rmdir(join(root, 'my-workers')).catch(() => undefined);
    }
  });

  it('that lies outside the checkout is given the SDK first, and tested by itself', async () => {
    await using folder = await temporaryFolder();
    const dir = join(folder.path, 'word-count');
    const { stderr } = await cli(nowhere, `worker new word-count --dir ${dir}`);
    const [why, where, sdk, test, load] = stderr.split('\n');
    expect(why).toContain('finds no @tenma/worker by itself');
    expect(where).toBe(`Run these in ${resolve(root)}`);
    expect(sdk).toBe(
      `sdk: node tools/run.mjs tools/pack-sdks.ts ${dir}/sdks && (cd ${dir} && npm install --save-dev ./sdks/*.tgz vitest)`,
    );
    expect(test).toBe(`test: (cd ${dir} && npx vitest run)`);
    expect(load).toBe(`load: TENMA_WORKERS=@tenma/workers,${dir}/index.ts npm start`);
  });

  it('that lies elsewhere in the checkout finds the SDK, and is tested by its root', async () => {
    await mkdir(join(root, 'data'), { recursive: true });
    const parent = await mkdtemp(join(root, 'data', 'test '));
    try {
      const dir = join(parent, 'word-count');
      const { stderr } = await cli(nowhere, ['worker', 'new', 'word-count', '--dir', dir]);
      expect(stderr).not.toContain('sdk');
      expect(stderr).toContain(`\ntest: npm test -- --root '${dir}'\n`);
      const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
      const { stdout } = await run(process.execPath, [vitest, 'run', '--root', dir], {
        cwd: root,
        env: plainEnvironment,
      });
      expect(stdout).toMatch(/Tests +2 passed/);
    } finally {
      await rm(parent, { recursive: true });
    }
  });

  it('has commands that a shell takes, whatever its folder is called', async () => {
    await using folder = await temporaryFolder();
    const dir = join(folder.path, "a b's $HOME", 'w');
    const { stderr } = await cli(nowhere, ['worker', 'new', 'word-count', '--dir', dir]);
    const readme = await readFile(join(dir, 'README.md'), 'utf8');
    const commandOf = (what: string) => new RegExp(`^${what}: (.*)$`, 'm').exec(stderr)?.[1] ?? '';
    for (const what of ['sdk', 'test', 'load']) expect(readme).toContain(commandOf(what));
    // In place of the programs: one that says what it got, and where.
    const stubs =
      'say() { printf "%s|" "$PWD" "$TENMA_WORKERS" "$@"; }; npm() { say "$@"; }; npx() { say; }; node() { say "$3"; }';
    const said = async (what: string) =>
      (await run('sh', ['-c', `${stubs}; ${commandOf(what)}`], { cwd: root, env: plainEnvironment })).stdout;
    expect(await said('sdk')).toContain(`|${dir}/sdks|${dir}|`);
    expect(await said('test')).toContain(`${dir}|`);
    expect(await said('load')).toContain(`|@tenma/workers,${dir}/index.ts|start|`);
  });

  it('may have underscores in its name, as --help says', async () => {
    await using folder = await temporaryFolder();
    const line = `worker new word_count --dir ${join(folder.path, 'w')}`;
    expect(await cli(nowhere, line)).toMatchObject({ code: 0 });
    const { stdout } = await cli(nowhere, 'worker new --help', { columns: 200 });
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('letters, digits, hyphens and underscores');
  });

  it('is not written over anything', async () => {
    await using folder = await temporaryFolder();
    const line = `worker new word-count --dir ${folder.path}/w`;
    expect(await cli(nowhere, line)).toMatchObject({ code: 0 });
    const { code, stderr } = await cli(nowhere, line);
    expect(code).toBe(2);
    expect(stderr).toContain('is not empty');
  });

  it.each(['probe-http', 'region-failover'])(
    'does not take the name of a built-in one, and says what to do (%s)',
    async (name) => {
      await using folder = await temporaryFolder();
      const dir = join(folder.path, name);
      const { code, stderr } = await cli(nowhere, ['worker', 'new', name, '--dir', dir]);
      expect(code).toBe(2);
      expect(stderr).toContain(`${name} is a built-in task type`);
      expect(stderr).toContain(`Choose another name, for instance my-${name}.`);
      expect(await readdir(folder.path)).toEqual([]);
    },
  );

  it.each(['Word-Count', '../up', 'a.b', '-x'.repeat(40)])(
    'needs the name of a task type (%s)',
    async (name) => {
      const { code, stderr } = await cli(nowhere, ['worker', 'new', '--', name]);
      expect({ code, said: stderr.includes('is no name for a task type') }).toEqual({ code: 2, said: true });
    },
  );
});
