/* oxlint-disable unicorn/no-thenable -- the API's own word, and no function */
import { policySchema } from '@tenma/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRegistry, type Registry } from '../fixtures/registry.ts';

const path = '/api/v1/policies';
const tell = {
  policy_id: 'tell',
  when: { event: 'node.status', where: { status: 'offline' } },
  then: {
    type: 'echo',
    input: { text: 'node {node_id} in {region_id} is gone' },
    labels: { node: '{node_id}' },
  },
};

describe('policies', () => {
  it('are made, listed, switched off and deleted', async () => {
    await using registry = await openRegistry();
    const { ask } = registry;
    const made = await ask('POST', path, tell);
    expect(made).toMatchObject({ status: 201, headers: { location: '/api/v1/policies/tell' } });
    expect(policySchema.parse(made.body)).toEqual({
      ...tell,
      then: { ...tell.then, region: 'active', priority: 5 },
      cooldown_ms: 0,
      enabled: true,
      built_in: false,
      last_task_id: null,
      last_acted_at: null,
      last_problem: null,
      created_at: '2026-02-20T10:30:00.000Z',
      updated_at: '2026-02-20T10:30:00.000Z',
    });
    expect((await ask('GET', path)).body).toMatchObject({
      items: [{ policy_id: 'auto-failover' }, made.body],
    });
    const off = await ask('PATCH', `${path}/tell`, { enabled: false });
    expect(off.body).toMatchObject({ enabled: false, cooldown_ms: 0, then: tell.then });
    const calm = await ask('PATCH', `${path}/tell`, { cooldown_ms: 60_000 });
    expect(calm.body).toMatchObject({ enabled: false, cooldown_ms: 60_000 });
    expect((await ask('GET', `${path}/tell`)).body).toEqual(calm.body);
    expect(await ask('DELETE', `${path}/tell`)).toMatchObject({ status: 204, body: null });
    expect(await ask('GET', `${path}/tell`)).toMatchObject({ status: 404 });
  });

  it('of Tenma itself can be switched off, not deleted', async () => {
    await using registry = await openRegistry();
    const { ask } = registry;
    const refused = await ask('DELETE', `${path}/auto-failover`);
    expect(refused).toMatchObject({ status: 409, problem: { code: 'invalid_state' } });
    expect(refused.problem.detail).toContain('built in');
    expect(await ask('PATCH', `${path}/auto-failover`, { enabled: false })).toMatchObject({ status: 200 });
    expect((await ask('GET', '/api/geo/status')).body).toMatchObject({ auto_failover: false });
  });

  it('of a type that nobody knows cannot be switched on; what is off or on already can be changed', async () => {
    await using registry = await openRegistry();
    const { ask } = registry;
    const own = `${path}/auto-failover`;
    // On from the start, before anybody has announced its type.
    expect(await ask('PATCH', own, { cooldown_ms: 1_000 })).toMatchObject({ status: 200 });
    expect(await ask('PATCH', own, { enabled: false })).toMatchObject({ status: 200 });
    expect(await ask('PATCH', own, { cooldown_ms: 2_000 })).toMatchObject({ status: 200 });
    const before = await registry.standing();
    const refused = await ask('PATCH', own, { enabled: true });
    expect(refused).toMatchObject({ status: 404, problem: { code: 'unknown_type' } });
    expect(refused.problem).toMatchObject({
      hint: 'Known types: echo, probe-http.',
      errors: [{ pointer: '#/enabled', detail: 'no worker has announced the task type region-failover' }],
    });
    expect(await registry.standing()).toEqual(before);
    await ask('POST', path, { ...tell, enabled: false });
    expect(await ask('PATCH', `${path}/tell`, { enabled: true })).toMatchObject({ status: 200 });
  });

  it('whose id is taken say how to make way, but for one that is built in', async () => {
    await using registry = await openRegistry();
    const { ask } = registry;
    await ask('POST', path, tell);
    const hintOf = async (id: string) => (await ask('POST', path, { ...tell, policy_id: id })).problem.hint;
    expect(await hintOf('tell')).toContain('DELETE /api/v1/policies/tell.');
    expect(await hintOf('auto-failover')).toBe(
      'Choose another id: this one is built in and cannot be deleted.',
    );
  });

  it('may hold braces around what is no name of a field', async () => {
    await using registry = await openRegistry();
    const then = { type: 'echo', input: { text: '{"a": {}} {1} {A b}' } };
    expect(await registry.ask('POST', path, { ...tell, then })).toMatchObject({
      status: 201,
      body: { then },
    });
  });
});

describe('a bad policy', () => {
  // One for all: that nothing changes is what each of them shows.
  let registry: Registry;
  beforeAll(async () => {
    registry = await openRegistry();
    await registry.ask('POST', path, { ...tell, policy_id: 'first' });
  });
  afterAll(() => registry[Symbol.asyncDispose]());

  const when = (more: object) => ({ ...tell, when: { event: 'node.status', ...more } });
  const then = (more: object) => ({ ...tell, then: { ...tell.then, ...more } });
  it.each([
    ['an id that is taken', 'POST', '', { ...tell, policy_id: 'first' }, '409 already_exists'],
    ['an event that is none', 'POST', '', when({ event: 'rain' }), '422 invalid_request #/when/event'],
    [
      'a condition on no field',
      'POST',
      '',
      when({ where: { epoch: 1 } }),
      '422 invalid_request #/when/where/epoch',
    ],
    [
      'a placeholder of no field',
      'POST',
      '',
      then({ input: { text: 'a {epoch}' } }),
      '422 invalid_request #/then/input/text',
    ],
    [
      'one deep in the input',
      'POST',
      '',
      then({ input: { text: '', x: [{ y: '{no}' }] } }),
      '422 invalid_request #/then/input/x/0/y',
    ],
    ['one in a label', 'POST', '', then({ labels: { a: '{no}' } }), '422 invalid_request #/then/labels/a'],
    ['a type that nobody runs', 'POST', '', then({ type: 'prod' }), '404 unknown_type #/then/type'],
    [
      'a final input that is wrong',
      'POST',
      '',
      then({ input: { text: 1 }, labels: {} }),
      '422 invalid_input #/then/input/text',
    ],
    ['an unknown region', 'POST', '', then({ region: 'atlantis' }), '404 unknown_region #/then/region'],
    ['another event', 'PATCH', '/first', { when: tell.when }, '422 invalid_request'],
    ['an unknown id', 'GET', '/nobody', undefined, '404 unknown_policy'],
    ['an unknown id to change', 'PATCH', '/nobody', { enabled: true }, '404 unknown_policy'],
    ['an unknown id to delete', 'DELETE', '/nobody', undefined, '404 unknown_policy'],
  ] as const)('%s is a problem with its reason, and changes nothing', async (_, method, id, body, answer) => {
    const before = await registry.standing();
    const { status, problem } = await registry.ask(method, `${path}${id}`, body);
    const [code, name, pointer] = answer.split(' ');
    expect(`${status} ${problem.code}`).toBe(`${code} ${name}`);
    if (pointer) expect(problem.errors?.map((error) => error.pointer)).toContain(pointer);
    expect(await registry.standing()).toEqual(before);
  });
});
