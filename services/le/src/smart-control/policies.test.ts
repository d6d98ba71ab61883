import { observePrincipal, problem } from '@tenma/protocol';
import { StoreUnavailableError } from '@tenma/store';
import { until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import type { Submitted } from '../intake.ts';
import { specForTest } from '../lifecycle/fixture.ts';
import { fakeLease } from '../observe/fixtures/fake-lease.ts';
import { failover, isoAt, startMs, verdict } from '../observe/fixtures/region-documents.ts';
import { ended, open, policy, settled } from './fixtures/policies.ts';

describe('a policy', () => {
  it('submits its task on its event, with the fields of the event filled in, and notes it', async () => {
    await using at = await open();
    await at.write(
      policy('page', {
        then: { type: 'echo', input: { text: 'lost {region_id}' }, labels: { at: '{region_id}' } },
      }),
    );
    at.start();
    await at.write(verdict('region-verdict', 'tokyo', 'offline'));
    await until(() => at.told('page')?.last_task_id === 'task-1');
    expect(at.tasks).toHaveLength(1);
    expect(at.tasks[0]).toMatchObject({
      principal: 'policy:page',
      task: { type: 'echo', input: { text: 'lost tokyo' }, labels: { at: 'tokyo' } },
    });
    expect(at.tasks[0]?.task.idempotency_key).toMatch(/^policy:page:region\.status\/tokyo\/\d+$/);
    expect(at.told('page')).toMatchObject({ last_acted_at: isoAt(startMs), last_problem: null });
  });

  it.each([
    ['does not act', 'another status', { status: 'degraded' }],
    ['does not act', 'another region', { region_id: 'dublin' }],
    ['does not act', 'a field that the event does not have', { node_id: 'n1' }],
    ['does not act', 'a text where the event has a boolean', { active: 'true' }],
    ['acts', 'several fields that are right', { region_id: 'tokyo', active: true, previous: 'online' }],
    ['acts', 'nothing', {}],
  ])('%s when its `where` names %s', async (acts, _, where) => {
    await using at = await open();
    await at.write(policy('page', { when: { event: 'region.status', where } }), policy('witness'));
    at.start();
    await at.write(verdict('region-verdict', 'tokyo', 'offline'));
    await until(() => at.told('witness')?.last_task_id !== null);
    await settled(at);
    expect(at.tasks.filter(({ principal }) => principal === 'policy:page')).toHaveLength(
      acts === 'acts' ? 1 : 0,
    );
  });

  it('is told of nodes and of failovers that happened', async () => {
    await using at = await open();
    await at.write(
      policy('on-node', {
        when: { event: 'node.status', where: { node_type: 'general' } },
        then: { type: 'echo', input: '{node_id} at {endpoint}: {previous}, {status}' },
      }),
      policy('on-failover', {
        when: { event: 'failover.executed' },
        then: { type: 'echo', input: ['{to_region}', '{epoch}', '{automatic}'] },
      }),
    );
    at.start();
    await at.write(verdict('node-verdict', 'n1', 'offline'));
    await until(() => at.tasks.length === 1);
    await at.write(failover('planned', { dry_run: true }), failover('failed', { success: false }));
    await at.write(failover('done'));
    await until(() => at.tasks.length === 2);
    await at.write(failover('done', { replaced_tasks: 3 }));
    await settled(at);
    expect(at.tasks.map(({ task }) => task.input)).toEqual([
      'n1 at 127.0.0.1:8000: unknown, offline',
      ['dublin', 2, true],
    ]);
  });

  it('does not act on what is no change, when it is disabled, or without the lease', async () => {
    await using at = await open();
    await at.write(
      policy('page'),
      policy('disabled', { enabled: false }),
      verdict('region-verdict', 'tokyo', 'offline'),
    );
    at.start();
    await at.write(verdict('region-verdict', 'tokyo', 'offline', startMs - 5));
    at.lease.set(false);
    await at.write(verdict('region-verdict', 'dublin', 'offline'));
    at.lease.set(true);
    await at.write(verdict('region-verdict', 'dublin', 'offline', startMs - 5));
    await settled(at);
    expect(at.tasks).toEqual([]);
    await at.write(verdict('region-verdict', 'dublin', 'online'));
    await at.write(verdict('region-verdict', 'dublin', 'offline'));
    await until(() => at.tasks.length === 1);
  });

  it('rests for its cool-down, which a refused task does not cost', async () => {
    await using at = await open();
    await at.write(policy('page', { cooldown_ms: 60_000 }));
    at.start();
    const goes = async (id: string, status: 'online' | 'offline') =>
      at.write(verdict('region-verdict', id, status));
    at.fake.answer = () => ({ problem: problem('unknown_type', { detail: 'no worker has announced echo' }) });
    await goes('tokyo', 'offline');
    await until(() => at.told('page')?.last_problem !== null);
    expect(at.told('page')).toMatchObject({
      last_task_id: null,
      last_acted_at: null,
      last_problem: { code: 'unknown_type', detail: 'no worker has announced echo' },
    });
    at.fake.answer = () => null;
    await goes('dublin', 'offline');
    await until(() => at.told('page')?.last_task_id === 'task-1');
    expect(at.told('page')?.last_problem).toBeNull();
    await goes('tokyo', 'online');
    await at.clock.advance(59_000);
    await goes('tokyo', 'offline');
    await settled(at);
    expect(at.tasks).toHaveLength(1);
    await goes('tokyo', 'online');
    await at.clock.advance(1_000);
    await goes('tokyo', 'offline');
    await until(() => at.tasks.length === 2);
  });

  it('tries again for a minute when the store or the outbox does not take its task', async () => {
    await using at = await open();
    await at.write(policy('page', { cooldown_ms: 60_000 }));
    at.start();
    const answers: (() => Submitted)[] = [
      () => {
        throw new StoreUnavailableError('away');
      },
      () => ({ problem: problem('outbox_full') }),
    ];
    at.fake.answer = () => answers.shift()?.() ?? null;
    await at.write(verdict('region-verdict', 'tokyo', 'offline'));
    await until(async () => {
      await at.clock.advance(1_000);
      return at.tasks.length === 1;
    });
    expect(at.fake.calls).toBe(3);
    await until(() => at.told('page')?.last_problem === null);
  });
});

describe('task.finished', () => {
  const watcher = (id: string, where = {}) =>
    policy(id, {
      when: { event: 'task.finished', where },
      then: { type: 'echo', input: '{task_id}: {state}, {error_code}' },
    });

  it('is told on the replica that has written the end, lease or not', async () => {
    await using at = await open();
    await at.write(watcher('watch', { state: 'failed', type: 'echo' }));
    at.lease.set(false);
    const policies = at.start();
    const failed = ended({}, 'failed');
    policies.onChange([ended(), failed, { before: failed.after, after: failed.after }]);
    await until(() => at.tasks.length === 1);
    expect(at.tasks[0]?.task.input).toBe(`${specForTest().id}: failed, worker_error`);
    await settled(at);
    expect(at.tasks).toHaveLength(1);
  });

  it('is never told of probes', async () => {
    await using at = await open();
    await at.write(watcher('watch'));
    const policies = at.start();
    policies.onChange([ended({ id: 'probe', principal: observePrincipal }), ended({ id: 'mine' })]);
    await until(() => at.tasks.length === 1);
    await settled(at);
    expect(at.tasks.map(({ task }) => task.input)).toEqual(['mine: succeeded, ']);
  });

  it('makes no loop: not of one policy, and not of several', async () => {
    await using at = await open();
    await at.write(watcher('ping'), watcher('pong'));
    const policies = at.start();
    policies.onChange([ended({ id: 'first' })]);
    // Every task ends at once, and its end is told.
    for (let seen = 0; seen < at.tasks.length || seen === 0; ) {
      await until(() => at.tasks.length > seen);
      await settled(at);
      const fresh = at.tasks.slice(seen);
      seen = at.tasks.length;
      for (const { id, principal, task } of fresh) {
        policies.onChange([ended({ id, principal, labels: task.labels ?? {} })]);
      }
      await settled(at);
    }
    const chains = at.tasks.map(({ task }) => task.labels?.['tenma-policies']);
    expect(chains).toHaveLength(4);
    expect(new Set(chains)).toEqual(new Set(['ping', 'ping pong', 'pong', 'pong ping']));
  });

  it('makes no loop either of a policy whose task has as many labels as it may', async () => {
    await using at = await open();
    const labels = Object.fromEntries(Array.from({ length: 31 }, (_, n) => [`label-${n}`, '{task_id}']));
    await at.write(
      policy('full', { when: { event: 'task.finished' }, then: { type: 'echo', input: '', labels } }),
      watcher('witness'),
    );
    const policies = at.start();
    policies.onChange([ended({ id: 'first' })]);
    const byFull = () => at.tasks.filter(({ principal }) => principal === 'policy:full');
    await until(() => byFull().length === 1);
    const [task] = byFull();
    expect(task?.task.labels).toMatchObject({ 'label-30': 'first', 'tenma-policies': 'full' });
    expect(Object.keys(task?.task.labels ?? {})).toHaveLength(32);
    policies.onChange([ended({ id: 'its-own', principal: 'policy:full', labels: task?.task.labels ?? {} })]);
    await until(() => at.tasks.some(({ task: { input } }) => input === 'its-own: succeeded, '));
    await settled(at);
    expect(byFull()).toHaveLength(1);
  });

  it('lets a policy act on very many ends without a write for each', async () => {
    await using at = await open();
    await at.write(watcher('watch'));
    const policies = at.start();
    policies.onChange(Array.from({ length: 1_000 }, (_, n) => ended({ id: `t-${n}` })));
    await until(() => at.tasks.length === 1_000);
    expect(at.fake.calls).toBeLessThan(20);
  });
});

describe('two replicas', () => {
  it.each([0, 60_000])('act once on an event, with a cool-down of %i ms', async (cooldown_ms) => {
    await using at = await open();
    await at.write(policy('page', { cooldown_ms }));
    at.start();
    at.start(at.elsewhere, fakeLease(true));
    await at.write(verdict('region-verdict', 'tokyo', 'offline'));
    await until(() => at.told('page')?.last_task_id === 'task-1');
    await settled(at);
    expect(at.tasks).toHaveLength(1);
    if (cooldown_ms > 0) expect(at.fake.calls).toBe(1);
  });
});
