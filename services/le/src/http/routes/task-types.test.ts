/* oxlint-disable unicorn/no-thenable -- the API's own word, and no function */
import { emptyFleet, withPresence } from '@tenma/fleet';
import { StoreUnavailableError } from '@tenma/store';
import { until } from '@tenma/test-support';
import { describe, expect, it, vi } from 'vitest';
import { after, finished, queued, specForTest } from '../../lifecycle/fixture.ts';
import { rejection, releaseRecord, weeWith } from '../../releases/fixture.ts';
import { openRegistry, type Registry } from '../fixtures/registry.ts';

const path = '/api/v1/task-types';

/** `echo` is known, has a release and is remembered; no WEE has had it for long. */
async function open() {
  const registry = await openRegistry();
  const { clock, documents, store, types, verbs } = registry;
  await until(async () => (await store.taskTypes()).length === 2);
  const value = releaseRecord({ rejected: [rejection('1.1.0')] });
  await documents.write([
    { kind: 'release', id: 'echo', expected: 0, value },
    { kind: 'release', id: 'probe-http', expected: 0, value: releaseRecord({ type: 'probe-http' }) },
  ]);
  types.announced([]);
  await clock.advance(30_000);
  Object.assign(verbs.fleet, { view: emptyFleet });
  return registry;
}

/** All that is known of `echo`: a refusal changes nothing of it. */
const knownOf = async (registry: Registry) => ({
  type: registry.types.get('echo')?.version,
  rows: (await registry.store.taskTypes()).map(({ type }) => type),
  standing: await registry.standing(),
});

const schedule = { schedule_id: 'home', task: { type: 'echo', input: { text: 'a' } }, every_ms: 60_000 };
const policy = {
  policy_id: 'tell',
  when: { event: 'node.status' },
  then: { type: 'echo', input: { text: 'a' } },
};
const node = {
  node_id: 'web-1',
  region_id: 'us-east-1',
  endpoint: '127.0.0.1:1',
  probe: { type: 'echo', input: { text: 'a' } },
};

describe('a task type that has been retired', () => {
  it('is forgotten with its release, once', async () => {
    await using registry = await open();
    const { ask, documents, store } = registry;
    expect(await ask('DELETE', `${path}/echo`)).toMatchObject({ status: 204, body: null });
    expect(await ask('GET', `${path}/echo`)).toMatchObject({ status: 404 });
    expect((await ask('GET', path)).body).toMatchObject({ items: [{ type: 'probe-http' }] });
    expect((await ask('GET', '/api/v1/releases')).body).toMatchObject({ items: [{ type: 'probe-http' }] });
    expect(documents.get('release', 'echo')).toBeUndefined();
    expect(await store.taskTypes()).toMatchObject([{ type: 'probe-http@1' }]);
    const again = await ask('DELETE', `${path}/echo`);
    expect(again).toMatchObject({ status: 404, problem: { code: 'unknown_type' } });
    expect(again.problem.hint).toContain('Known types: probe-http.');
  });

  it.each(['nobody', 'Not%20an%20id', '%00'])('is not one that was never known: %s', async (name) => {
    await using registry = await open();
    const before = await knownOf(registry);
    const answer = await registry.ask('DELETE', `${path}/${name}`);
    expect(answer).toMatchObject({ status: 404, problem: { code: 'unknown_type' } });
    expect(await knownOf(registry)).toEqual(before);
  });

  it('can be forgotten again where the first time was cut off after its release had gone', async () => {
    await using registry = await open();
    const { ask, store, types } = registry;
    const forget = vi
      .spyOn(store, 'forgetTaskTypes')
      .mockRejectedValueOnce(new StoreUnavailableError('away'));
    expect(await ask('DELETE', `${path}/echo`)).toMatchObject({ status: 503 });
    expect(forget).toHaveBeenCalledOnce();
    types.onChange([{ kind: 'release', id: 'echo' }]);
    expect(types.get('echo')).toBeUndefined();
    expect(await store.taskTypes()).toHaveLength(2);
    expect(await ask('DELETE', `${path}/echo`)).toMatchObject({ status: 204 });
    expect(await store.taskTypes()).toHaveLength(1);
  });

  it('tells other replicas also where there is no release', async () => {
    await using registry = await open();
    await using replica = await registry.replica();
    await registry.documents.write([{ kind: 'release', id: 'echo', expected: 'any', value: null }]);
    await replica.documents.refresh();
    const heard = vi.fn();
    replica.documents.onChange(heard);
    heard.mockClear();
    expect(await registry.ask('DELETE', `${path}/echo`)).toMatchObject({ status: 204 });
    await replica.documents.refresh();
    expect(heard).toHaveBeenCalledWith([expect.objectContaining({ kind: 'release', id: 'echo' })]);
  });
});

describe('a task type in use is not forgotten', () => {
  async function isRefused(registry: Registry, { detail, hint }: { detail: string; hint: string }) {
    const before = await knownOf(registry);
    const answer = await registry.ask('DELETE', `${path}/echo`);
    expect(answer).toMatchObject({ status: 409, problem: { code: 'invalid_state', detail } });
    expect(answer.problem.hint).toContain(hint);
    expect(await knownOf(registry)).toEqual(before);
  }

  it('as long as a WEE announces it, also one that drains; those are named', async () => {
    await using registry = await open();
    const wees = [weeWith('wee-2', ['1.0.0']), weeWith('wee-1', ['2.0.0']), weeWith('wee-3', [])];
    const leaving = weeWith('wee-4', ['1.0.0'], { status: 'draining' });
    const view = [...wees, leaving].reduce((fleet, wee) => withPresence(fleet, wee, 0), emptyFleet);
    Object.assign(registry.verbs.fleet, { view });
    await isRefused(registry, {
      detail: 'WEEs have echo: wee-1, wee-2, wee-4',
      hint: 'announce it again: stop them',
    });
  });

  it('nor while one that has just gone may be starting anew; it is said when to try again', async () => {
    await using registry = await open();
    const { types, clock, ask } = registry;
    types.sights.seen([weeWith('wee-1', ['1.0.0'])]);
    types.sights.seen([]);
    await clock.advance(3_000);
    const detail = 'a WEE may have had echo until 3 s ago, and only be starting anew';
    await isRefused(registry, { detail, hint: 'Try again in 27 s.' });
    const { problem } = await ask('DELETE', `${path}/echo`);
    expect(problem.retry_after_ms).toBe(27_000);
    await clock.advance(27_000);
    expect(await ask('DELETE', `${path}/echo`)).toMatchObject({ status: 204 });
  });

  it('nor while LE has only just started', async () => {
    await using registry = await openRegistry();
    Object.assign(registry.verbs.fleet, { view: emptyFleet });
    await registry.clock.advance(29_000);
    const detail = 'a WEE may have had echo until 29 s ago, and only be starting anew';
    await isRefused(registry, { detail, hint: 'Try again in 1 s.' });
  });

  it('nor while MQTT is away, as a WEE may have it', async () => {
    await using registry = await open();
    Object.assign(registry.components.results, { status: 'connecting' });
    const detail = 'while MQTT is away nobody can tell whether a WEE has echo';
    await isRefused(registry, { detail, hint: 'try again' });
  });

  it('as long as tasks of it are unfinished; ended ones and those of others do not count', async () => {
    await using registry = await open();
    const { ask, store } = registry;
    const id = (last: number) => `01990b4c-6f2a-7cc3-9d5e-0f6d2f1a7b1${last}`;
    const insert = (one: ReturnType<typeof after>) =>
      store.insert([{ spec: one.spec, life: one.life, input: null, output: null }]);
    const states = 'state=accepted,scheduled,waiting,queued,running,retrying';
    const hint = `GET /api/v1/tasks?type=echo&${states} lists them.`;
    await insert(after([queued()], specForTest({ id: id(1) })));
    await isRefused(registry, { detail: `a task of echo is unfinished: ${id(1)} (queued)`, hint });
    await insert(after([], specForTest({ id: id(2) })));
    await isRefused(registry, { detail: `tasks of echo are unfinished: ${id(2)} (accepted), …`, hint });

    await using ended = await open();
    for (const one of [
      after([queued(), finished()], specForTest({ id: id(3) })),
      after([], specForTest({ id: id(4), type: 'probe-http' })),
    ]) {
      await ended.store.insert([{ spec: one.spec, life: one.life, input: null, output: null }]);
    }
    expect((await ended.store.list({ type: 'echo' }, { size: 9, after: null })).items).toHaveLength(1);
    expect(await ended.ask('DELETE', `${path}/echo`)).toMatchObject({ status: 204 });
    expect(await ask('GET', `${path}/echo`)).toMatchObject({ status: 200 });
  });

  it.each([
    [
      'schedule, also a paused one',
      '/api/v1/schedules',
      { ...schedule, paused: true },
      'the paused schedule home',
      'DELETE /api/v1/schedules/home.',
    ],
    [
      'policy, also one that is off',
      '/api/v1/policies',
      { ...policy, enabled: false },
      'the disabled policy tell',
      'DELETE /api/v1/policies/tell.',
    ],
    ['node', '/api/geo/nodes', node, 'the probes of the node web-1', '(or DELETE /api/geo/nodes/web-1).'],
  ])('as long as it is submitted by a %s', async (_, at, body, name, remedy) => {
    await using registry = await open();
    expect(await registry.ask('POST', at, body)).toMatchObject({ status: 201 });
    await isRefused(registry, { detail: `echo is submitted by ${name}`, hint: remedy });
    const [, verb = '', address = ''] = /(\w+) (\S+?)\)?\.$/.exec(remedy) ?? [];
    expect(await registry.ask(verb as 'DELETE', address)).toMatchObject({ status: 204 });
    expect(await registry.ask('DELETE', `${path}/echo`)).toMatchObject({ status: 204 });
  });

  it.each([
    [{}, '{"probe": {}}'],
    [{ enabled: false }, '{"probe": {"enabled": false}}'],
  ])('names the usual probe of the node first, which lets go of it (%o)', async (more, body) => {
    await using registry = await open();
    await registry.ask('POST', '/api/geo/nodes', { ...node, probe: { ...node.probe, ...more } });
    await isRefused(registry, {
      detail: 'echo is submitted by the probes of the node web-1',
      hint: `PATCH /api/geo/nodes/web-1 ${body} (or DELETE /api/geo/nodes/web-1).`,
    });
    await registry.ask('PATCH', '/api/geo/nodes/web-1', JSON.parse(body));
    expect(await registry.ask('DELETE', `${path}/echo`)).toMatchObject({ status: 204 });
  });

  it('names only the deletion of a node whose usual probe it is, or is not known', async () => {
    await using registry = await open();
    const { probe: _, ...usual } = node;
    await registry.ask('POST', '/api/geo/nodes', usual);
    await registry.ask('POST', '/api/geo/nodes', { ...node, node_id: 'db-1', node_type: 'storage' });
    const hint = 'submit another type: DELETE /api/geo/nodes/db-1.';
    await isRefused(registry, { detail: 'echo is submitted by the probes of the node db-1', hint });
    const refused = await registry.ask('DELETE', `${path}/probe-http`);
    expect(refused.problem.hint).toContain('submit another type: DELETE /api/geo/nodes/web-1.');
  });

  it('names some of very many that submit it', async () => {
    await using registry = await open();
    for (let n = 0; n < 7; n += 1) {
      await registry.ask('POST', '/api/v1/schedules', { ...schedule, schedule_id: `s${n}` });
    }
    const names = [0, 1, 2, 3, 4].map((n) => `the schedule s${n}`).join(', ');
    await isRefused(registry, { detail: `echo is submitted by ${names} and 2 more`, hint: 's4 and 2 more.' });
  });

  it('by a policy that is built in as long as that is on', async () => {
    await using registry = await open();
    const { ask, types, documents } = registry;
    const value = releaseRecord({ type: 'region-failover' });
    await documents.write([{ kind: 'release', id: 'region-failover', expected: 0, value }]);
    const refused = await ask('DELETE', `${path}/region-failover`);
    expect(refused).toMatchObject({ status: 409, problem: { code: 'invalid_state' } });
    expect(refused.problem.hint).toContain('PATCH /api/v1/policies/auto-failover {"enabled": false}.');
    await ask('PATCH', '/api/v1/policies/auto-failover', { enabled: false });
    expect(await ask('DELETE', `${path}/region-failover`)).toMatchObject({ status: 204 });
    expect(types.get('echo')).toBeDefined();
  });
});
