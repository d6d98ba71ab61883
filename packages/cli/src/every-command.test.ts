import { type FakeLe, startFakeLe } from '@tenma/client/testing';
import { problemSchema } from '@tenma/protocol';
import { freePort } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { cli } from './cli-fixture.ts';
import { aType } from './fabric-fixture.ts';

const document = JSON.stringify({ version: 1, active_region: 'tokyo', regions: [], nodes: [] });
// oxlint-disable-next-line unicorn/no-thenable -- the API's own word, and no function
const policy = JSON.stringify({ policy_id: 'p1', when: { event: 'region.status' }, then: { type: 'echo' } });

/** Every leaf that changes types, or speaks of releases, regions, schedules and policies, with what it needs to succeed. */
const leaves: readonly (readonly [args: string[], shape: z.ZodType, stdin?: string])[] = [
  [['worker', 'versions'], z.tuple([z.object({ type: z.literal('echo') })])],
  [['worker', 'versions', 'echo'], z.object({ versions: z.array(z.object({ role: z.string() })).min(2) })],
  [['worker', 'update', 'echo', '1.2.0'], z.object({ candidate: z.literal('1.2.0') })],
  [['worker', 'promote', 'echo'], z.object({ stable: z.literal('1.1.0'), candidate: z.null() })],
  [['worker', 'rollback', 'echo'], z.object({ stable: z.literal('1.0.0'), candidate: z.null() })],
  [['type', 'rm', 'echo'], z.object({ type: z.literal('echo'), version: z.literal('1.0.0') })],
  [['region', 'ls'], z.array(z.object({ region_id: z.string() })).min(2)],
  [['region', 'show', 'tokyo'], z.object({ region_id: z.literal('tokyo') })],
  [['region', 'add', 'r1', '--lat', '-33.9', '--lon', '151'], z.object({ region_id: z.literal('r1') })],
  [['region', 'edit', 'tokyo', '--name', 'Edo'], z.object({ display_name: z.literal('Edo') })],
  [['region', 'rm', 'spare'], z.object({ region_id: z.literal('spare') })],
  [['region', 'activate', 'tokyo', '--yes'], z.object({ region_id: z.literal('tokyo') })],
  [['region', 'maintenance', 'osaka', 'on'], z.object({ status: z.literal('maintenance') })],
  [['node', 'ls'], z.array(z.object({ node_id: z.string() })).min(1)],
  [['node', 'show', 'web-1'], z.object({ node_id: z.literal('web-1'), results: z.array(z.unknown()) })],
  [
    ['node', 'add', 'n1', '--region', 'tokyo', '--endpoint', '127.0.0.1:1'],
    z.object({ node_id: z.literal('n1') }),
  ],
  [['node', 'edit', 'web-1', '--label', 'a=b'], z.object({ labels: z.object({ a: z.literal('b') }) })],
  [['node', 'rm', 'web-2'], z.object({ node_id: z.literal('web-2') })],
  [['latency', 'matrix'], z.object({ layer: z.literal('effective'), matrix: z.object() })],
  [['latency', 'pair', 'tokyo', 'oregon'], z.object({ layers: z.object({ floor: z.null() }) })],
  [['failover', 'plan'], z.object({ status: z.literal('failover_planned') })],
  [['failover', 'history'], z.array(z.unknown())],
  [
    ['schedule', 'add', 's1', '--type', 'echo', '--every', '30s', '-i', 'a=1'],
    z.object({ schedule_id: z.literal('s1'), every_ms: z.literal(30_000) }),
  ],
  [['schedule', 'ls'], z.array(z.unknown())],
  [['schedule', 'pause', 'SCHEDULE'], z.object({ paused: z.literal(true) })],
  [['schedule', 'resume', 'SCHEDULE'], z.object({ paused: z.literal(false) })],
  [['schedule', 'rm', 'SCHEDULE'], z.object({ schedule_id: z.string() })],
  [['policy', 'ls'], z.array(z.unknown())],
  [['policy', 'enable', 'POLICY'], z.object({ enabled: z.literal(true) })],
  [['policy', 'disable', 'POLICY'], z.object({ enabled: z.literal(false) })],
  [['policy', 'rm', 'POLICY'], z.object({ policy_id: z.string() })],
  [['geo', 'export'], z.object({ version: z.literal(1) })],
  [['top'], z.object({ status: z.object({ total_regions: z.int() }), regions: z.array(z.unknown()) })],
  [['policy', 'add', '-f', '-'], z.object({ policy_id: z.literal('p1') }), policy],
  [['geo', 'import', '-', '--yes'], z.object({ regions: z.literal(0) }), document],
  [
    ['failover', 'run', '--reason', 'flood', '--to', 'oregon', '--yes'],
    z.object({ status: z.literal('failover_executed') }),
  ],
];

const at = { lat: 0, lon: 0 };
const place = (region_id: string) => ({ region_id, location: at });
const node = (node_id: string) => ({ node_id, region_id: 'oregon', endpoint: '127.0.0.1:1' });
const geo = {
  regions: ['tokyo', 'oregon', 'osaka', 'spare'].map(place),
  nodes: ['web-1', 'web-2'].map(node),
};

async function startLe(): Promise<FakeLe> {
  const le = await startFakeLe({ geo, lists: { 'task-types': [aType('echo')] } });
  le.releases.add('echo', ['1.0.0', '1.1.0', '1.2.0']);
  le.releases.change('echo', { candidate: '1.1.0', share: 0.1 });
  return le;
}

/** Things that each command has to itself. */
async function withIds(args: readonly string[], le: FakeLe, index: number): Promise<string[]> {
  const id = `own-${index}`;
  const make = { SCHEDULE: `schedule add ${id} --type echo --every 1m`, POLICY: 'policy add -f -' };
  for (const [word, line] of Object.entries(make)) {
    if (args.includes(word)) await cli(le, line, { stdin: policy.replace('p1', id) });
  }
  return args.map((arg) => (arg in make ? id : arg));
}

describe('every command', () => {
  it.each(leaves.map((leaf, index) => [leaf[0].join(' '), index, leaf] as const))(
    'with --json prints one JSON document on stdout and nothing on stderr: %s',
    async (_name, index, [args, shape, stdin = '']) => {
      await using le = await startLe();
      const line = [...(await withIds(args, le, index)), '--json'];
      const { code, stdout, stderr } = await cli(le, line, { stdin });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^\S.*\n$/);
      expect(shape.safeParse(JSON.parse(stdout))).toMatchObject({ success: true });
    },
  );

  it.each(leaves.map((leaf, index) => [leaf[0].join(' '), index, leaf] as const))(
    'for people writes tables or sections, no JSON but where that is asked for: %s',
    async (name, index, [args, , stdin = '']) => {
      await using le = await startLe();
      const { code, stdout, stderr } = await cli(le, await withIds(args, le, index), { stdin });
      expect({ code, escape: (stdout + stderr).includes('\u001b') }).toEqual({ code: 0, escape: false });
      expect(stdout.startsWith('{')).toBe(name === 'geo export');
      // One thing a line: none ends in spaces, none has a fact too many.
      expect(stdout).not.toMatch(/ $/m);
      expect(stdout).not.toMatch(/undefined|\[object|NaN/);
    },
  );

  it('against a server that is not there exits 1 with a remedy as JSON on stderr', async () => {
    const nowhere = { url: `http://127.0.0.1:${await freePort()}` };
    await Promise.all(
      leaves.map(async ([args, , stdin = '']) => {
        const { code, stdout, stderr } = await cli(nowhere, [...args, '--json'], { stdin });
        expect({ args, code, stdout }).toEqual({ args, code: 1, stdout: '' });
        const { error } = z.object({ error: problemSchema }).parse(JSON.parse(stderr));
        expect(error).toMatchObject({ code: 'unreachable', hint: expect.stringMatching(/\w/) });
      }),
    );
  });
});
