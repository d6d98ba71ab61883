import {
  idleReport,
  type PoolPresence,
  type Presence,
  type TaskType,
  type VersionReport,
} from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import { emptyFleet, withFreshSight, withoutSilent, withPresence } from './fleet-view.ts';

const pool = (changes: Partial<PoolPresence> = {}): PoolPresence => ({
  pool: 'echo-v1',
  type: 'echo',
  version: '1.0.0',
  labels: [],
  queue: 'q',
  slots: 4,
  running: 1,
  held: 2,
  ...changes,
});

const presence = (changes: Partial<Presence> = {}): Presence => ({
  wee_id: 'wee-1',
  boot_id: 'boot-1',
  region: 'tokyo',
  status: 'online',
  labels: [],
  version: '1.0.0',
  since: '2026-01-01T00:00:00.000Z',
  pools: [pool()],
  types: [],
  echo: null,
  ...changes,
});

const type = (version: string, cost: TaskType['cost']): TaskType => ({
  type: 'echo',
  version,
  description: '',
  input_schema: {},
  output_schema: {},
  timeout_ms: 1_000,
  retry: { max_attempts: 1, initial_ms: 0, factor: 1, cap_ms: 0 },
  cost,
});

const report = (version: string, role: VersionReport['role']): VersionReport => ({
  ...idleReport,
  type: 'echo',
  version,
  role,
  processes: 1,
});

const goodbye = (boot_id: string) => ({
  wee_id: 'wee-1',
  boot_id,
  region: 'tokyo',
  status: 'offline' as const,
});

const echoPool = (...presences: Presence[]) =>
  presences.reduce((fleet, one) => withPresence(fleet, one, 0), emptyFleet).pools.get('tokyo/echo-v1');

describe('the fleet view', () => {
  it('adds up the WEEs that serve a pool, and shows each with its own queue and load', () => {
    const first = presence({ queue: 'own-1', pools: [pool({ urgent_queue: 'q.urgent' })] });
    const second = presence({ wee_id: 'wee-2', pools: [pool({ slots: 8, busy: 6, running: 2, held: 0 })] });
    expect(echoPool(first, second)).toMatchObject({
      major: 1,
      slots: 12,
      running: 3,
      busy: 7,
      held: 2,
      queue: 'q',
      urgentQueue: 'q.urgent',
      wees: ['wee-1', 'wee-2'],
      members: [
        { weeId: 'wee-1', queue: 'own-1', slots: 4, busy: 1 },
        { weeId: 'wee-2', queue: null, slots: 8, busy: 6 },
      ],
    });
  });

  it('finds the pools of a type', () => {
    const fleet = withPresence(
      emptyFleet,
      presence({
        pools: [
          pool(),
          pool({ pool: 'echo-v2', version: '2.1.0' }),
          pool({ pool: 'other-v1', type: 'other' }),
        ],
      }),
      0,
    );
    expect(fleet.poolsByType.get('echo')?.map(({ major }) => major)).toEqual([1, 2]);
    expect(fleet.poolsByType.get('unheard-of')).toBeUndefined();
  });

  it.each([
    { cost: 'light', slots: 1, meanMs: 50 },
    { cost: 'medium', slots: 10, meanMs: 500 },
    { cost: 'heavy', slots: 100, meanMs: 5_000 },
    { cost: 25, slots: 25, meanMs: 500 },
  ] as const)('takes an attempt of cost $cost to need $slots slots and $meanMs ms', (row) => {
    const types = [type('0.9.0', 'light'), type('1.0.0', row.cost)];
    const running = echoPool(presence({ types, pools: [pool({ running: 3 })] }));
    expect(running).toMatchObject({ cost: row.slots, meanMs: row.meanMs, busy: 3 * row.slots });
  });

  it('weighs what was measured by the slots of who measured it, and assumes only where nobody has', () => {
    const measured = (wee_id: string, slots: number, mean_ms: number | null) =>
      presence({ wee_id, pools: [pool({ slots, mean_ms, cost: 2 })] });
    const pools = echoPool(measured('a', 300, 10), measured('b', 100, 50), measured('c', 400, null));
    expect(pools).toMatchObject({ cost: 2, meanMs: 20 });
  });

  it('takes what a version needs elsewhere for what it needs where nobody has measured it', () => {
    const told = (wee_id: string, region: string, changes: object) =>
      presence({ wee_id, region, pools: [pool(changes)] });
    const fleet = [
      told('a', 'tokyo', { slots: 300, mean_ms: 1_000 }),
      told('b', 'osaka', { slots: 100, mean_ms: 2_000 }),
      told('c', 'paris', { mean_ms: null }),
      told('d', 'oslo', { mean_ms: null, version: '1.1.0' }),
    ].reduce((view, one) => withPresence(view, one, 0), emptyFleet);
    const meanOf = (region: string) => fleet.pools.get(`${region}/echo-v1`)?.meanMs;
    expect([meanOf('tokyo'), meanOf('paris'), meanOf('oslo')]).toEqual([1_000, 1_250, 50]);
  });

  it('shows the versions that take tasks: the stable one and the candidate, of the major of the pool', () => {
    const versions = [
      report('1.0.0', 'stable'),
      report('1.1.0', 'candidate'),
      report('1.2.0', 'rejected'),
      report('0.9.0', 'draining'),
      report('2.0.0', 'stable'),
    ];
    expect(echoPool(presence({ versions }))?.versions).toEqual(['1.0.0', '1.1.0']);
    expect(echoPool(presence())?.versions).toEqual(['1.0.0']);
  });

  it('drops a WEE at the goodbye of its boot, and ignores that of an earlier one', () => {
    const fleet = withPresence(emptyFleet, presence({ boot_id: 'boot-2' }), 0);
    expect(withPresence(fleet, goodbye('boot-1'), 1)).toBe(fleet);
    expect(withPresence(fleet, goodbye('boot-2'), 1).pools.size).toBe(0);
  });

  it('offers no pool of a WEE that drains', () => {
    expect(withPresence(emptyFleet, presence({ status: 'draining' }), 0).pools.size).toBe(0);
  });

  it('forgets the silent, but counts silence anew after it was cut off itself', () => {
    const fleet = withPresence(emptyFleet, presence(), 0);
    expect(withoutSilent(fleet, 15_000, 15_000)).toBe(fleet);
    expect(withoutSilent(fleet, 15_001, 15_000).wees.size).toBe(0);
    expect(withoutSilent(withFreshSight(fleet, 20_000), 30_000, 15_000).wees.size).toBe(1);
  });
});
