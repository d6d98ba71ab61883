import { startFakeLe } from '@tenma/client/testing';
import { type Json, type LatencyCell, problem, type Problem } from '@tenma/protocol';
import { temporaryFolder } from '@tenma/test-support';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cli } from '../cli-fixture.ts';

const web = { node_id: 'web-1', region_id: 'oregon', endpoint: '127.0.0.1:8000' };

describe('regions', () => {
  it('are listed with their state, the active one marked, and their nodes counted', async () => {
    await using le = await startFakeLe({ geo: { nodes: [web, { ...web, node_id: 'web-2' }] } });
    le.geo.nodes.change('web-2', { status: 'offline' });
    le.geo.regions.change('oregon', { status: 'degraded', status_reason: '1 of 2 nodes\nis down' });
    const lines = (await cli(le, 'region ls')).stdout.split('\n');
    expect(lines[0]).toMatch(/^REGION +NAME +PROVIDER +STATUS +ACTIVE +NODES +PRIORITY +SINCE +REASON$/);
    expect(lines[1]).toMatch(/^tokyo +Tokyo +custom +online +★ +0\/0 +1 /);
    expect(lines[2]).toMatch(/^oregon +Oregon +custom +degraded +– +1\/2 +2 .* 1 of 2 nodes is down$/);
  });

  it('are added with every option as the API spells it, and edited in part', async () => {
    await using le = await startFakeLe();
    const options = '--name Sydney --provider aws --priority 6';
    await cli(le, `region add sydney --lat -33.87 --lon 151.21 ${options}`);
    expect(le.requests.at(-1)?.body).toEqual({
      region_id: 'sydney',
      display_name: 'Sydney',
      provider: 'aws',
      location: { lat: -33.87, lon: 151.21 },
      priority: 6,
    });
    await cli(le, 'region edit sydney --priority 2');
    expect(le.requests.at(-1)?.body).toEqual({ priority: 2 });
    expect((await cli(le, 'region show sydney')).stdout).toMatch(/^LOCATION +33.87° S, 151.21° E$/m);
  });

  it('are put into maintenance and out of it', async () => {
    await using le = await startFakeLe();
    expect((await cli(le, 'region maintenance oregon on')).stdout).toMatch(/oregon .* maintenance/);
    expect((await cli(le, 'region maintenance oregon off')).stdout).toMatch(/oregon .* online/);
  });

  it('are removed without a question, and shown as they were', async () => {
    await using le = await startFakeLe();
    const { code, stdout, stderr } = await cli(le, 'region rm oregon');
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'removed oregon\n' });
    expect(stdout).toContain('oregon');
    expect(le.geo.regions.all.has('oregon')).toBe(false);
  });

  it('that are in use are not: exit 6, with the remedy', async () => {
    await using le = await startFakeLe();
    const { code, stdout, stderr } = await cli(le, 'region rm tokyo');
    expect({ code, stdout }).toEqual({ code: 6, stdout: '' });
    expect(stderr).toContain('(region_in_use)\nhint: Delete or move its nodes');
  });
});

describe('nodes', () => {
  it('are shown with who sees what, and the last probes', async () => {
    await using le = await startFakeLe({ geo: { nodes: [web] } });
    const sees = { observer: 'tokyo', failures: 3, at: '2026-02-20T10:30:00.000Z', reason: 'refused' };
    le.geo.nodes.change('web-1', { status: 'offline', observers: [{ ...sees, sees: 'down' }] });
    const task_id = '01990b4c-6f2a-7cc3-9d5e-0f6d2f1a7b10';
    const seen = { node_id: 'web-1', observer: 'tokyo', at: 0, reason: 'refused', task_id };
    le.geo.results.set('web-1', [{ ...seen, outcome: 'down', round_trip_ms: null }]);
    const { stdout } = await cli(le, 'node show web-1');
    expect(stdout).toMatch(/^STATUS +offline$/m);
    expect(stdout).toMatch(/^PROBE +by its type, at the pace of its region$/m);
    expect(stdout).toMatch(
      /^OBSERVERS\n {2}OBSERVER .*\n {2}tokyo +down +3 +2026-02-20T10:30:00.000Z +refused$/m,
    );
    expect(stdout).toMatch(/^RESULTS\n {2}AT .*\n {2}1970-01-01T00:00:00.000Z +tokyo +down +– +refused/m);
    expect((await cli(le, 'node ls')).stdout).toMatch(/web-1 .* 0\/1 up /);
  });

  it('are added with a probe of their own', async () => {
    await using le = await startFakeLe();
    const options = '--type gpu --probe probe-http --interval 5s -i path=/health --label rack=7 --label a=b';
    await cli(le, `node add gpu-1 --region tokyo --endpoint 127.0.0.1:8000 ${options}`);
    expect(le.requests.at(-1)?.body).toEqual({
      node_id: 'gpu-1',
      region_id: 'tokyo',
      endpoint: '127.0.0.1:8000',
      node_type: 'gpu',
      labels: { rack: '7', a: 'b' },
      probe: { type: 'probe-http', interval_ms: 5_000, input: { path: '/health' } },
    });
  });

  it('keep what an edit does not name', async () => {
    const probe = { type: 'probe-tcp', interval_ms: 1_000, input: { a: 1 } };
    await using le = await startFakeLe({ geo: { nodes: [{ ...web, labels: { a: '1', b: '2' }, probe }] } });
    await cli(le, 'node edit web-1 --label c=3 --unlabel a --interval 2s --probes off');
    expect(le.geo.nodes.all.get('web-1')).toMatchObject({
      endpoint: web.endpoint,
      probe: { type: 'probe-tcp', interval_ms: 2_000, enabled: false, input: { a: 1 } },
    });
    await cli(le, 'node edit web-1 -i b=2');
    expect(le.requests.at(-1)?.body).toMatchObject({ probe: { input: { a: 1, b: 2 } } });
    await cli(le, 'node edit web-1 --endpoint 127.0.0.1:9');
    expect(le.requests.at(-1)?.body).toEqual({ endpoint: '127.0.0.1:9' });
    expect(le.geo.nodes.all.get('web-1')?.labels).toEqual({ b: '2', c: '3' });
  });

  it('that are given another probe start from no input, and keep their pace', async () => {
    const probe = { type: 'probe-tcp', interval_ms: 1_000, input: { host: 'a', port: 1 } };
    const nodes = [
      { ...web, probe },
      { ...web, node_id: 'web-2', probe: { input: { path: '/' } } },
    ];
    await using le = await startFakeLe({ geo: { nodes } });
    const sent = () => le.requests.at(-1)?.body;
    await cli(le, 'node edit web-1 --probe probe-tcp -i port=2');
    expect(sent()).toEqual({ probe: { ...probe, input: { host: 'a', port: 2 } } });
    await cli(le, 'node edit web-1 --probe probe-http');
    expect(sent()).toEqual({ probe: { type: 'probe-http', interval_ms: 1_000 } });
    await cli(le, 'node edit web-1 --probe probe-dns -i name=localhost');
    expect(sent()).toEqual({
      probe: { type: 'probe-dns', interval_ms: 1_000, input: { name: 'localhost' } },
    });
    await cli(le, 'node edit web-2 --probe probe-tcp');
    expect(sent()).toEqual({ probe: { type: 'probe-tcp' } });
  });

  it('go back to the probe of their type, and stay switched off', async () => {
    const probe = { type: 'probe-tcp', interval_ms: 1_000, input: { host: 'a', port: 1 } };
    const nodes = [
      { ...web, probe },
      { ...web, node_id: 'web-2', probe: { ...probe, enabled: false } },
    ];
    await using le = await startFakeLe({ geo: { nodes } });
    await cli(le, 'node edit web-1 --default-probe');
    expect(le.requests.at(-1)?.body).toEqual({ probe: {} });
    await cli(le, 'node edit web-2 --default-probe --interval 5s -i path=/health');
    expect(le.requests.at(-1)?.body).toEqual({
      probe: { enabled: false, interval_ms: 5_000, input: { path: '/health' } },
    });
  });

  it('are filtered, and removed', async () => {
    await using le = await startFakeLe({ geo: { nodes: [web] } });
    expect(await cli(le, 'node ls --region tokyo --status online')).toEqual({
      code: 0,
      stdout: '',
      stderr: 'no nodes\n',
    });
    expect(le.requests.at(-1)?.path).toBe('/api/geo/nodes?region_id=tokyo&status=online');
    expect(await cli(le, 'node rm web-1')).toMatchObject({ code: 0, stderr: 'removed web-1\n' });
    expect(await cli(le, 'node rm web-1')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('tenma node ls'),
    });
  });
});

describe('latency', () => {
  const cell = (rtt: number, kind: LatencyCell['kind']): LatencyCell => {
    const measured = kind === 'measured';
    const rest = { samples: measured ? 12 : 0, age_ms: measured ? 4_000 : null, error_ms: null };
    return { rtt_ms: rtt, p50_ms: rtt, p95_ms: rtt + 5, kind, ...rest };
  };
  const latency = {
    floor: { tokyo: { oregon: cell(77, 'floor') } },
    measured: { tokyo: { oregon: cell(97, 'measured') } },
    effective: { tokyo: { oregon: cell(97, 'measured') } },
  };

  it('is a table with its legend on stderr, coloured on a terminal that wants colours', async () => {
    await using le = await startFakeLe({ geo: { latency } });
    const { stdout, stderr } = await cli(le, 'latency matrix --from tokyo,oregon');
    expect(stdout).toBe('FROM   tokyo  oregon\ntokyo      –      97\n');
    expect(stderr).toMatch(/^round trips in ms, effective; ~ is computed/);
    expect(le.requests[0]?.path).toContain('layer=effective&from=tokyo%2Coregon');
    expect((await cli(le, 'latency matrix', { tty: true })).stdout).toContain('\u001b[33m');
    const wanted = { tty: true, environment: { NO_COLOR: '1' } };
    expect((await cli(le, 'latency matrix', wanted)).stdout).not.toContain('\u001b');
  });

  it('of a pair is what each layer knows', async () => {
    await using le = await startFakeLe({ geo: { latency } });
    const lines = (await cli(le, 'latency pair tokyo oregon')).stdout.split('\n');
    expect(lines[1]).toMatch(/^floor +77 ms +82 ms +floor +– +– +–$/);
    expect(lines[2]).toMatch(/^estimated +–/);
    expect(lines[3]).toMatch(/^measured +97 ms +102 ms +measured +12 +4.0 s +–$/);
    expect(await cli(le, 'latency pair tokyo mars')).toMatchObject({ code: 3, stdout: '' });
  });
});

describe('schedules and policies', () => {
  it('are added as the API spells them', async () => {
    await using le = await startFakeLe();
    const task = '--type probe-http -i url=http://127.0.0.1 --region any --label a=b';
    await cli(le, `schedule add home --every 30s --splay 2s ${task} --no-expire --paused`);
    expect(le.requests.at(-1)?.body).toEqual({
      schedule_id: 'home',
      task: { type: 'probe-http', input: { url: 'http://127.0.0.1' }, region: 'any', labels: { a: 'b' } },
      every_ms: 30_000,
      splay_ms: 2_000,
      paused: true,
      expire: false,
    });
    const cron = [
      'schedule',
      'add',
      'daily',
      '--type',
      'echo',
      '--cron',
      '0 3 * * *',
      '--timezone',
      'Asia/Tokyo',
    ];
    await cli(le, cron);
    const { stdout } = await cli(le, 'schedule ls');
    expect(stdout).toMatch(/^home +probe-http +any +every 30.0 s +2.0 s +paused +–/m);
    expect(stdout).toMatch(/^daily +echo +active +0 3 \* \* \* \(Asia\/Tokyo\) +– +on/m);
  });

  it('tell in a line what a policy waits for and does', async () => {
    await using le = await startFakeLe();
    const when = { event: 'region.status', where: { status: 'offline', active: true } };
    const document = JSON.stringify({
      policy_id: 'tell',
      when,
      // oxlint-disable-next-line unicorn/no-thenable -- the API's own word, and no function
      then: { type: 'notify' },
      cooldown_ms: 60_000,
    });
    expect((await cli(le, 'policy add -f -', { stdin: document })).code).toBe(0);
    const last_problem = JSON.parse(JSON.stringify(problem('unknown_type'))) as Json;
    le.policies.change('tell', { last_problem });
    const { stdout } = await cli(le, 'policy disable tell');
    expect(stdout).toMatch(
      /^tell +region.status status=offline active=true +notify +active +off +1 m 0 s .* unknown_type: /m,
    );
    expect(await cli(le, 'policy add -f -', { stdin: document })).toMatchObject({ code: 6 });
    expect(await cli(le, 'policy add -f -', { stdin: '{}' })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('#/policy_id'),
    });
  });
});

describe('the registry as a document', () => {
  it('goes out and comes in as one file', async () => {
    await using from = await startFakeLe({ geo: { nodes: [web] } });
    await using to = await startFakeLe({ geo: { regions: [] } });
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'geo.json');
    await writeFile(file, (await cli(from, 'geo export')).stdout);
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ version: 1, active_region: 'tokyo' });
    const { code, stdout } = await cli(to, `geo import ${file} --yes`);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'REGIONS  2\nNODES    1\nACTIVE   tokyo\n' });
    expect(to.geo.nodes.all.get('web-1')).toMatchObject(web);
  });

  const here = { tty: true, environment: { NO_COLOR: '1' } };
  const document = JSON.stringify({
    version: 1,
    active_region: 'osaka',
    regions: [{ region_id: 'osaka', location: { lat: 34, lon: 135 } }],
    nodes: [],
  });

  it('comes in after a question that counts what it replaces, and by what', async () => {
    await using le = await startFakeLe({ geo: { nodes: [web] } });
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'geo.json');
    await writeFile(file, document);
    const { code, stderr } = await cli(le, `geo import ${file}`, { ...here, stdin: 'y\n' });
    expect({ code, regions: [...le.geo.regions.all.keys()] }).toEqual({ code: 0, regions: ['osaka'] });
    expect(stderr).toBe(
      'REGIONS  2 → 1\nNODES    1 → 0\nACTIVE   tokyo → osaka\nReplace all regions and nodes? [y/N] ',
    );
  });

  it.each(['{}', 'null', '7', '{"regions":{}}'])('is asked about whatever it holds: %s', async (text) => {
    await using le = await startFakeLe();
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'geo.json');
    await writeFile(file, text);
    const { code, stderr } = await cli(le, `geo import ${file}`, { ...here, stdin: 'n\n' });
    expect(code).toBe(130);
    expect(stderr).toContain('REGIONS  2 → not a list\n');
    expect(stderr).toContain('Nothing was changed');
    expect(le.requests.some(({ method }) => method !== 'GET')).toBe(false);
  });

  it('that comes by standard input leaves no place for an answer', async () => {
    await using le = await startFakeLe();
    const { code, stderr } = await cli(le, 'geo import -', { ...here, stdin: document });
    expect({ code, sent: le.requests.length }).toEqual({ code: 2, sent: 0 });
    expect(stderr).toContain('Give --yes');
  });
});

describe('a command line that is wrong', () => {
  it.each([
    ['region add x --lat 1', '--lon'],
    ['region add x --lat 91 --lon 0', '-90 to 90'],
    ['region add x --lat north --lon 0', '--lat'],
    ['region edit x --lat 1', 'together'],
    ['region edit x', 'nothing to change'],
    ['region maintenance x maybe', 'on, off'],
    ['region activate tokyo', '--yes'],
    ['node add x --region tokyo', '--endpoint'],
    ['node add x --region tokyo --endpoint a:1 --type big', 'general, gpu'],
    ['node ls --status degraded', 'maintenance'],
    ['node edit x', 'nothing to change'],
    ['latency matrix --layer all', 'floor, estimated'],
    ['latency pair tokyo tokyo', 'two regions'],
    ['failover run --to oregon', '--reason'],
    ['failover run --reason flood', '--yes'],
    ['failover plan --prefer cheapest', 'priority, nearest'],
    ['failover history -n 0', '--limit'],
    ['schedule add x --type a', 'cron lineGive one of --every'],
    ['schedule add x --type a --every 1s --cron x', 'or a cron line, not both'],
    ['policy add', '--file'],
    ['policy add -f /nowhere', '/nowhere'],
    ['geo import /nowhere --yes', '/nowhere'],
    ['geo import /nowhere', '--yes'],
    ['node edit x --probe a --default-probe', '--default-probe'],
    ['top --interval 10ms', '200ms'],
    ['top --interval 25h', 'at most 24h'],
    ['top --interval 30d', 'duration'],
  ])('`%s` exits 2, and sends nothing', async (line, told) => {
    await using le = await startFakeLe();
    const { code, stdout, stderr } = await cli(le, ['--json', ...line.split(' ')]);
    expect({ code, stdout, sent: le.requests.length }).toEqual({ code: 2, stdout: '', sent: 0 });
    const { error } = JSON.parse(stderr) as { error: Problem };
    expect(error.detail + error.hint).toContain(told);
  });
});
