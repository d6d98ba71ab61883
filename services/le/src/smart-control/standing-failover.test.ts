import { problem } from '@tenma/protocol';
import { until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import { active, isoAt, region, settings, startMs, verdict } from '../observe/fixtures/region-documents.ts';
import { autoFailover, ended, open, policy, settled, type Submission } from './fixtures/policies.ts';

describe('as long as the active region is offline', () => {
  const offline = (id = 'tokyo') => verdict('region-verdict', id, 'offline');
  const failovers = (tasks: readonly Submission[]) =>
    tasks.filter(({ task }) => task.type === 'region-failover');
  const endOf = ({ id, principal }: Submission) => ended({ id, principal, type: 'region-failover' });

  it('its failover is submitted at once, ready to be run', async () => {
    await using at = await open();
    await at.write(autoFailover, verdict('node-verdict', 'n1', 'offline'));
    at.start();
    await at.write(offline());
    await until(() => at.tasks.length === 1);
    expect(at.tasks[0]?.task).toMatchObject({
      type: 'region-failover',
      region: 'dublin',
      priority: 9,
      queue_timeout_ms: 2_000,
      total_timeout_ms: 9_000,
      retry: { max_attempts: 1 },
      input: {
        from_region: 'tokyo',
        detected_at: isoAt(startMs),
        confirm_timeout_ms: 3_000,
        lost: [{ node_id: 'n1', probe_type: 'probe-http' }],
      },
    });
  });

  it('it is tried again every 10 s, but never while one is under way', async () => {
    await using at = await open();
    await at.write(autoFailover);
    const policies = at.start();
    await at.write(offline());
    await until(() => at.told('auto-failover')?.last_task_id === 'task-1');
    const [first] = at.tasks;
    if (!first) throw new Error('no task');
    await at.clock.advance(5_000);
    policies.onChange([endOf(first)]);
    await at.clock.advance(4_000);
    await settled(at);
    expect(at.tasks).toHaveLength(1);
    await at.clock.advance(1_000);
    await until(() => at.told('auto-failover')?.last_task_id === 'task-2');
    expect(at.tasks[1]?.task.idempotency_key).toMatch(/\/again-1$/);
    await at.clock.advance(10_000);
    await until(() => at.tasks.length === 3);
    expect(new Set(at.tasks.map(({ task }) => task.idempotency_key)).size).toBe(3);
  });

  it('a task whose clocks are longer than 10 s is waited for', async () => {
    await using at = await open({ pace: { ...settings.pace, confirmTimeoutMs: 20_000 } });
    await at.write(autoFailover);
    at.start();
    await at.write(offline());
    await until(() => at.told('auto-failover')?.last_task_id === 'task-1');
    await at.clock.advance(25_000);
    await settled(at);
    expect(at.tasks).toHaveLength(1);
    await at.clock.advance(1_000);
    await until(() => at.tasks.length === 2);
  });

  it('it is carried out by what the observers saw where no worker has ever announced the task', async () => {
    await using at = await open();
    await at.write(autoFailover);
    at.fake.answer = () => ({ problem: problem('unknown_type') });
    at.start();
    await at.write(offline());
    await until(() => at.unconfirmed.length === 1);
    expect(at.unconfirmed[0]).toMatchObject({ from_region: 'tokyo' });
    expect(at.tasks).toEqual([]);
  });

  it('nothing is submitted while no other region sees anything up, until one does', async () => {
    await using at = await open();
    await at.write(autoFailover);
    at.fake.confirmer = null;
    at.start();
    await at.write(offline());
    await at.clock.advance(15_000);
    await settled(at);
    expect(at.tasks).toEqual([]);
    expect(at.unconfirmed).toEqual([]);
    at.fake.confirmer = 'dublin';
    await until(async () => {
      await at.clock.advance(1_000);
      return at.tasks.length === 1;
    });
  });

  it('it is tried by who takes the lease, though nothing has changed', async () => {
    await using at = await open();
    await at.write(autoFailover, offline());
    at.lease.set(false);
    at.start();
    await at.clock.advance(5_000);
    expect(at.tasks).toEqual([]);
    at.lease.set(true);
    await at.clock.advance(1_000);
    await until(() => at.tasks.length === 1);
  });

  it('and once it is active no more, or online again, it ends', async () => {
    await using at = await open();
    await at.write(autoFailover);
    at.start();
    await at.write(offline());
    await until(() => at.told('auto-failover')?.last_task_id === 'task-1');
    await at.write(active('dublin', 2));
    await at.clock.advance(60_000);
    await at.write(active('tokyo', 3), verdict('region-verdict', 'tokyo', 'online'));
    await at.clock.advance(60_000);
    await settled(at);
    expect(at.tasks).toHaveLength(1);
  });

  it('other policies are told once', async () => {
    await using at = await open();
    await at.write(autoFailover, policy('page'));
    at.start();
    await at.write(offline());
    await until(() => at.tasks.length === 2);
    await until(async () => {
      await at.clock.advance(1_000);
      return failovers(at.tasks).length === 3;
    });
    expect(at.tasks.filter(({ principal }) => principal === 'policy:page')).toHaveLength(1);
  });

  it('nothing happens in maintenance, for a region that is not active, or with regions switched off', async () => {
    await using at = await open();
    await at.write(autoFailover);
    at.start();
    await at.write(region('tokyo', { maintenance: true }), verdict('region-verdict', 'tokyo', 'maintenance'));
    await at.write(offline('dublin'));
    await at.clock.advance(30_000);
    await settled(at);
    expect(at.tasks).toEqual([]);

    await using off = await open({ enabled: false });
    await off.write(autoFailover, offline());
    off.start();
    await off.write(verdict('region-verdict', 'dublin', 'offline'));
    await off.clock.advance(30_000);
    await settled(off);
    expect(off.tasks).toEqual([]);
  });
});
