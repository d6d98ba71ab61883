import type { Release } from '@tenma/protocol';
import { type ManualClock, manualClock } from '@tenma/runtime';
import { temporaryFolder, until } from '@tenma/test-support';
import type { WorkerVersion } from '@tenma/worker/messages';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { keptLog, type LogLine } from '../catalog/log-lines.fixture.ts';
import { request, taskType, type TestGroups, testGroups } from './groups.fixture.ts';
import type { Roster } from './interfaces.ts';
import { createRoster } from './roster.ts';

const packages: Record<string, readonly [type: string, version: string][]> = {
  old: [['echo', '1.0.0']],
  next: [['echo', '1.1.0']],
  major: [['echo', '2.0.0']],
  other: [['sum', '3.0.0']],
};

interface Stage extends AsyncDisposable {
  readonly roster: Roster;
  readonly clock: ManualClock;
  readonly groups: TestGroups;
  /** What stood in the reports at every change. */
  readonly changes: string[][];
  readonly lines: readonly LogLine[];
}

async function stage(specifiers: string[], directory?: string): Promise<Stage> {
  const clock = manualClock(Date.now() + 5_000);
  const groups = testGroups({});
  const inspect = async (specifier: string): Promise<WorkerVersion[]> => {
    const file = [basename(dirname(specifier)), basename(specifier, '.js')] as const;
    return (packages[specifier] ?? [file]).map(([type, version]) => ({
      specifier,
      type: taskType(type, version),
    }));
  };
  const spares = { inspect };
  const { log, lines } = keptLog();
  const components = { clock, log, random: () => 0.5, spares, createGroup: groups.create };
  const pools = { sum: { min: 1, max: 4 } };
  const roster = await createRoster(components, { packages: specifiers, directory, labels: [], pools });
  const changes: string[][] = [];
  roster.onChange(() => void changes.push(rolesOf(roster)));
  return {
    roster,
    clock,
    groups,
    changes,
    lines,
    [Symbol.asyncDispose]: () => roster[Symbol.asyncDispose](),
  };
}

const rolesOf = ({ reports }: Roster) =>
  reports.map(({ type, version, role }) => `${type}@${version} ${role}`).toSorted();

const release = (changes: Partial<Release>): Release => ({
  type: 'echo',
  stable: '1.0.0',
  candidate: null,
  share: 1,
  since: 'today',
  rejected: [],
  hold: false,
  ...changes,
});

const reject = (version: string) => [{ version, reason: 'it was bad', at: 'now' }];

describe('a roster', () => {
  test('says once that the stable version is not here, and which one runs instead', async () => {
    await using it = await stage(['old', 'next']);
    const missing = () =>
      it.lines.filter(({ message }) => message.startsWith('the stable version is not here'));
    it.roster.follow([release({ stable: '1.2.0' })]);
    it.roster.follow([release({ stable: '1.2.0', share: 0.5 })]);
    expect(missing()).toMatchObject([{ level: 'warn', fields: { stable: '1.2.0', instead: '1.1.0' } }]);
    it.roster.follow([release({ stable: '1.1.0' })]);
    expect(missing()).toHaveLength(1);
  });

  test('has a pool for each type and major, with the slots of its processes, ready from the start', async () => {
    await using it = await stage(['old', 'next', 'major', 'other']);
    const pools = it.roster.pools.map(({ type, major, slots }) => [type.type, major, type.version, slots]);
    expect(pools).toEqual([
      ['echo', 1, '1.1.0', 200],
      ['echo', 2, '2.0.0', 200],
      ['sum', 3, '3.0.0', 400],
    ]);
    expect(it.roster.types).toHaveLength(4);
    expect(rolesOf(it.roster)).toEqual([
      'echo@1.0.0 idle',
      'echo@1.1.0 stable',
      'echo@2.0.0 stable',
      'sum@3.0.0 stable',
    ]);
  });

  test('follows LE from a trial to its promotion, keeps the pool, and tells each change once', async () => {
    await using it = await stage(['old', 'next']);
    const [pool] = it.roster.pools;
    it.roster.follow([release({})]);
    await it.clock.advance(0);
    await it.clock.advance(1_000);
    it.roster.follow([release({ candidate: '1.1.0' })]);
    it.roster.follow([release({ candidate: '1.1.0' })]);
    await it.clock.advance(0);
    expect((await pool?.start(request(1)).ended)?.version).toBe('1.1.0');
    it.roster.follow([release({ stable: '1.1.0' })]);
    await it.clock.advance(1_000);
    expect(it.roster.pools).toEqual([pool]);
    expect(it.changes).toEqual([
      ['echo@1.0.0 stable', 'echo@1.1.0 draining'],
      ['echo@1.0.0 stable', 'echo@1.1.0 idle'],
      ['echo@1.0.0 stable', 'echo@1.1.0 candidate'],
      ['echo@1.0.0 draining', 'echo@1.1.0 stable'],
      ['echo@1.0.0 idle', 'echo@1.1.0 stable'],
    ]);
  });

  test('a verdict names its trial as the release does', async () => {
    await using it = await stage(['old', 'next']);
    it.roster.follow([release({ candidate: '1.1.0', since: 'tomorrow' })]);
    await it.clock.advance(0);
    expect(it.roster.reports[0]).not.toHaveProperty('since');
    expect(it.roster.reports[1]).toMatchObject({ version: '1.1.0', verdict: 'trying', since: 'tomorrow' });
  });

  test('a rejected version runs no more, and its report says why', async () => {
    await using it = await stage(['old', 'next']);
    it.roster.follow([release({ rejected: reject('1.1.0') })]);
    await it.clock.advance(0);
    await it.clock.advance(1_000);
    expect(it.roster.reports).toMatchObject([
      { version: '1.0.0', role: 'stable', processes: 1, verdict: null, reason: null },
      { version: '1.1.0', role: 'rejected', processes: 0, verdict: null, reason: 'it was bad' },
    ]);
  });

  test('a pool whose every version is rejected goes, and other types do not notice', async () => {
    await using it = await stage(['old', 'other']);
    const sum = it.roster.pools.find(({ type }) => type.type === 'sum');
    it.roster.follow([release({ rejected: reject('1.0.0') })]);
    expect(it.roster.pools).toEqual([sum]);
    await it.clock.advance(1_000);
    expect(it.groups.of.get('1.0.0')?.disposed).toBe(true);
    expect(rolesOf(it.roster)).toEqual(['echo@1.0.0 rejected', 'sum@3.0.0 stable']);
    it.roster.follow([release({})]);
    await it.clock.advance(0);
    expect(it.roster.pools).toHaveLength(2);
  });

  test('a version that appears waits for the word of LE; a stable one that is taken away stays until replaced', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'echo'));
    await writeFile(join(folder.path, 'echo/1.0.0.js'), '');
    await using it = await stage([], folder.path);
    it.roster.follow([release({})]);
    await writeFile(join(folder.path, 'echo/1.1.0.js'), '');
    const passes = (roles: string[]) =>
      until(
        async () => {
          await it.clock.advance(100);
          return JSON.stringify(rolesOf(it.roster)) === JSON.stringify(roles);
        },
        { everyMs: 2, what: roles.join(', ') },
      );
    await passes(['echo@1.0.0 stable', 'echo@1.1.0 idle']);
    await rm(join(folder.path, 'echo/1.0.0.js'));
    for (let looks = 0; looks < 3; looks++) await it.clock.advance(2_000);
    expect(rolesOf(it.roster)).toEqual(['echo@1.0.0 stable', 'echo@1.1.0 idle']);
    it.roster.follow([release({ stable: '1.1.0' })]);
    await passes(['echo@1.1.0 stable']);
    expect(it.roster.types.map(({ version }) => version)).toEqual(['1.1.0']);
  });

  test('a rejected version gets nothing when LE speaks after the start', async () => {
    await using it = await stage(['old', 'next']);
    it.roster.follow([release({ rejected: reject('1.1.0') })]);
    const [pool] = it.roster.pools;
    expect(pool?.type.version).toBe('1.0.0');
    expect((await pool?.start(request(1)).ended)?.version).toBe('1.0.0');
    expect(it.groups.of.get('1.1.0')?.taken).toBe(0);
  });

  test('a version that was taken away and cannot be started makes way, and with the last of them goes the pool', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'echo'));
    for (const version of ['1.0.0', '1.1.0']) await writeFile(join(folder.path, `echo/${version}.js`), '');
    await using it = await stage([], folder.path);
    it.roster.follow([release({})]);
    const [pool] = it.roster.pools;
    await mkdir(join(folder.path, 'sum'));
    const goes = async (version: string, marker: string) => {
      await rm(join(folder.path, `echo/${version}.js`));
      // When what came after that has been seen, it has been seen too.
      await writeFile(join(folder.path, `sum/${marker}.js`), '');
      const isSeen = async () => {
        await it.clock.advance(100);
        return it.roster.types.some((type) => type.version === marker);
      };
      await until(isSeen, { everyMs: 2, what: `a look after ${version} went` });
    };
    const cannotStart = async (version: string) => {
      it.groups.of.get(version)?.lose('no such module');
      await pool?.start(request(1)).ended;
      await it.clock.advance(0);
    };
    const echoes = () => it.roster.pools.filter(({ type }) => type.type === 'echo');
    await pool?.start(request(1)).ended;
    await goes('1.0.0', '8.0.0');
    expect(echoes().map(({ type }) => type.version)).toEqual(['1.0.0']);
    await cannotStart('1.0.0');
    expect(echoes()).toEqual([pool]);
    expect((await pool?.start(request(1)).ended)?.version).toBe('1.1.0');
    await goes('1.1.0', '9.0.0');
    expect(echoes()).toEqual([pool]);
    await cannotStart('1.1.0');
    expect(echoes()).toEqual([]);
  });

  test('a version that is there keeps its pool while it cannot be started', async () => {
    await using it = await stage(['old']);
    const [pool] = it.roster.pools;
    it.groups.of.get('1.0.0')?.lose('no memory');
    await pool?.start(request(1)).ended;
    await it.clock.advance(0);
    expect(it.roster.pools).toEqual([pool]);
  });

  test('disposed, it ends every group and tells nothing more', async () => {
    const it = await stage(['old', 'other']);
    await it.roster[Symbol.asyncDispose]();
    expect([...it.groups.of.values()].map(({ disposed }) => disposed)).toEqual([true, true]);
    it.roster.follow([release({ rejected: reject('1.0.0') })]);
    expect(it.changes).toEqual([]);
  });
});
