import { scheduleSchema } from '@tenma/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRegistry, type Registry } from '../fixtures/registry.ts';

const echo = { type: 'echo', input: { text: 'hello' } };
const hourly = { schedule_id: 'hourly', task: echo, every_ms: 3_600_000 };
const path = '/api/v1/schedules';

describe('schedules', () => {
  it('are made, listed, paused and deleted', async () => {
    await using registry = await openRegistry();
    const { ask } = registry;
    const made = await ask('POST', path, hourly);
    expect(made).toMatchObject({ status: 201, headers: { location: '/api/v1/schedules/hourly' } });
    expect(scheduleSchema.parse(made.body)).toEqual({
      schedule_id: 'hourly',
      task: { ...echo, region: 'active', priority: 5 },
      every_ms: 3_600_000,
      cron: null,
      timezone: 'UTC',
      splay_ms: 0,
      paused: false,
      expire: true,
      next_slot_at: '2026-02-20T11:00:00.000Z',
      created_at: '2026-02-20T10:30:00.000Z',
      updated_at: '2026-02-20T10:30:00.000Z',
    });
    const cron = { schedule_id: 'at-nine', task: echo, cron: '0 9 * * *', timezone: 'Asia/Tokyo' };
    expect(await ask('POST', path, cron)).toMatchObject({
      status: 201,
      body: { every_ms: null, cron: '0 9 * * *', next_slot_at: '2026-02-21T00:00:00.000Z' },
    });
    const listed = await ask('GET', path);
    expect(listed.body).toMatchObject({ items: [{ schedule_id: 'at-nine' }, made.body] });

    await registry.clock.advance(1_000);
    const paused = await ask('PATCH', `${path}/hourly`, { paused: true });
    expect(paused.body).toMatchObject({
      paused: true,
      next_slot_at: null,
      updated_at: '2026-02-20T10:30:01.000Z',
    });
    expect((await ask('GET', `${path}/hourly`)).body).toEqual(paused.body);
    const task = { type: 'echo', input: { text: 'goodbye' }, region: 'us-east-1', priority: 1 };
    const resumed = await ask('PATCH', `${path}/hourly`, { paused: false, task });
    expect(resumed.body).toMatchObject({ task, next_slot_at: '2026-02-20T11:00:00.000Z' });

    expect(await ask('DELETE', `${path}/hourly`)).toMatchObject({ status: 204, body: null });
    expect(await ask('GET', `${path}/hourly`)).toMatchObject({ status: 404 });
  });

  it('whose id is taken say how to make way', async () => {
    await using registry = await openRegistry();
    await registry.ask('POST', path, hourly);
    const { problem } = await registry.ask('POST', path, hourly);
    expect(problem.hint).toContain(`delete the one that has it first: DELETE ${path}/${hourly.schedule_id}.`);
  });

  it('may run in the region of a WEE, registered or not', async () => {
    await using registry = await openRegistry();
    const task = { ...echo, region: 'workshop' };
    expect(await registry.ask('POST', path, { ...hourly, task })).toMatchObject({ status: 201 });
  });
});

describe('a bad schedule', () => {
  // One for all: that nothing changes is what each of them shows.
  let registry: Registry;
  beforeAll(async () => {
    registry = await openRegistry();
    await registry.ask('POST', path, hourly);
  });
  afterAll(() => registry[Symbol.asyncDispose]());

  const fresh = { schedule_id: 'fresh', task: echo };
  const deep = JSON.parse(`${'['.repeat(200)}${']'.repeat(200)}`) as unknown;
  it.each([
    ['an id that is taken', 'POST', '', hourly, '409 already_exists'],
    ['no time at all', 'POST', '', fresh, '422 invalid_request #/every_ms'],
    [
      'two times',
      'POST',
      '',
      { ...hourly, schedule_id: 'x', cron: '* * * * *' },
      '422 invalid_request #/every_ms',
    ],
    ['an interval too short', 'POST', '', { ...fresh, every_ms: 1 }, '422 invalid_request #/every_ms'],
    ['a cron that is none', 'POST', '', { ...fresh, cron: '61 * * * *' }, '422 invalid_request #/cron'],
    ['a cron that never comes', 'POST', '', { ...fresh, cron: '0 0 30 2 *' }, '422 invalid_request #/cron'],
    [
      'a timezone that is none',
      'POST',
      '',
      { ...fresh, cron: '* * * * *', timezone: 'Mars' },
      '422 invalid_request #/timezone',
    ],
    [
      'a type that nobody runs',
      'POST',
      '',
      { ...fresh, every_ms: 1_000, task: { type: 'x' } },
      '404 unknown_type #/task/type',
    ],
    [
      'a wrong input',
      'POST',
      '',
      { ...fresh, every_ms: 1_000, task: { type: 'echo' } },
      '422 invalid_input #/task/input/text',
    ],
    [
      'an input too deep',
      'POST',
      '',
      { ...fresh, every_ms: 1_000, task: { ...echo, input: deep } },
      '422 invalid_request #/task/input',
    ],
    [
      'an unknown region',
      'POST',
      '',
      { ...fresh, every_ms: 1_000, task: { ...echo, region: 'x' } },
      '404 unknown_region #/task/region',
    ],
    [
      'a key of its own',
      'POST',
      '',
      { ...hourly, task: { ...echo, idempotency_key: 'a' } },
      '422 invalid_request #/task',
    ],
    [
      'a wrong new task',
      'PATCH',
      '/hourly',
      { task: { type: 'echo', input: {} } },
      '422 invalid_input #/task/input/text',
    ],
    ['another interval', 'PATCH', '/hourly', { every_ms: 1_000 }, '422 invalid_request'],
    ['an unknown id', 'GET', '/nobody', undefined, '404 unknown_schedule'],
    ['an unknown id to change', 'PATCH', '/nobody', { paused: true }, '404 unknown_schedule'],
    ['an unknown id to delete', 'DELETE', '/nobody', undefined, '404 unknown_schedule'],
  ] as const)('%s is a problem with its reason, and changes nothing', async (_, method, id, body, answer) => {
    const before = await registry.standing();
    const { status, problem } = await registry.ask(method, `${path}${id}`, body);
    const [code, name, pointer] = answer.split(' ');
    expect(`${status} ${problem.code}`).toBe(`${code} ${name}`);
    if (pointer) expect(problem.errors?.map((error) => error.pointer)).toContain(pointer);
    expect(await registry.standing()).toEqual(before);
  });
});
