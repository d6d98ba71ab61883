import { join } from 'node:path';
import type { Release, TaskType } from '@tenma/protocol';
import { manualClock, silentLog } from '@tenma/runtime';
import { createSqliteStore } from '@tenma/store/sqlite';
import { temporaryFolder, until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import type { DocumentCache } from './documents/document-cache.ts';
import { rejection, releaseRecord, taskType, weeWith } from './releases/fixture.ts';
import { createTaskTypes } from './task-types.ts';

const requiring = (...fields: readonly string[]): Partial<TaskType> => ({
  input_schema: {
    type: 'object',
    properties: Object.fromEntries(fields.map((field) => [field, { type: 'string' }])),
    required: [...fields],
  },
});

/** The first major wants a text, the second a text or a list of them: `texts`. */
const first = taskType('1.0.0', requiring('text'));
const second = taskType('2.0.0', { ...requiring('texts'), timeout_ms: 9_000 });
const lenient = taskType('2.0.0');
const inRegion = (types: readonly TaskType[]) => weeWith('wee-1', [], { types: [...types] });

async function open() {
  await using parts = new AsyncDisposableStack();
  const [clock, log] = [manualClock(1_000_000), silentLog()];
  const folder = parts.use(await temporaryFolder());
  const store = parts.use(await createSqliteStore({ clock, log }, { path: join(folder.path, 'tenma.db') }));
  let release: Release | undefined;
  const dice = { next: 0 };
  const documents = {
    loaded: true,
    get: (_: string, id: string) => (id === 'echo' && release ? { version: 1, value: release } : undefined),
  };
  const held = { store, clock, log, documents: documents as Pick<DocumentCache, 'get' | 'loaded'> };
  const start = () => createTaskTypes({ ...held, random: () => dice.next });
  const opened = parts.move();
  return {
    clock,
    store,
    dice,
    documents,
    types: start(),
    start,
    /** Null: no longer. */
    stands: (changes: Partial<Release> | null) =>
      void (release = changes === null ? undefined : releaseRecord(changes)),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

describe('a type with one major', () => {
  it('is the highest version as long as no release says otherwise', async () => {
    await using at = await open();
    at.types.announced([weeWith('wee-1', ['1.9.0']), weeWith('wee-2', ['1.10.0'])]);
    expect(at.types.get('echo')?.version).toBe('1.10.0');
    expect(at.types.all().map(({ version }) => version)).toEqual(['1.10.0']);
  });

  it('is its stable version, whose schema no candidate can spoil', async () => {
    await using at = await open();
    at.types.announced([inRegion([first, taskType('1.1.0', requiring('nobody_has_this'))])]);
    at.stands({ candidate: '1.1.0', share: 1 });
    expect(at.types.get('echo')?.version).toBe('1.0.0');
    expect(at.types.judge('echo', { text: 'a' })).toEqual({ type: first });
  });

  it('is as the first WEE has it, when two have something else under one version', async () => {
    await using at = await open();
    const other = weeWith('wee-2', [], { types: [{ ...first, description: 'another' }] });
    for (let turns = 0; turns < 2; turns += 1) at.types.announced([inRegion([first]), other]);
    expect(at.types.get('echo')?.description).toBe('echo');
  });

  it('says what is wrong with an input', async () => {
    await using at = await open();
    at.types.announced([inRegion([first])]);
    const faults = [{ pointer: '#/input/text', detail: expect.any(String) }];
    expect(at.types.judge('echo', {})).toEqual({ faults });
    expect(at.types.faults('echo', {})).toEqual(faults);
    expect(at.types.faults('echo', { text: 'a' })).toEqual([]);
  });
});

describe('a type that is forgotten', () => {
  const forgotten = [{ kind: 'release', id: 'echo' }] as const;
  const remembered = async ({ store }: Awaited<ReturnType<typeof open>>) =>
    (await store.taskTypes()).map(({ type }) => type);

  it('is known neither here nor after a restart, in none of its majors; others are', async () => {
    await using at = await open();
    const other = taskType('1.0.0', { type: 'echo-2' });
    at.types.announced([inRegion([first, second, other])]);
    await until(async () => (await at.store.taskTypes()).length === 3);
    at.documents.loaded = false;
    at.types.announced([inRegion([other])]);
    expect(at.types.all()).toEqual([second, other]);
    at.documents.loaded = true;
    await at.types.forget('echo');
    expect(at.types.all()).toEqual([other]);
    expect(await remembered(at)).toEqual(['echo-2@1']);
    at.documents.loaded = false;
    const restarted = at.start();
    await restarted.load(new AbortController().signal);
    expect(restarted.all()).toEqual([other]);
  });

  it('goes with its release, unless that still stands or somebody has the type', async () => {
    await using at = await open();
    at.types.announced([inRegion([first])]);
    at.types.onChange(forgotten);
    expect(at.types.get('echo')).toEqual(first);
    at.stands({});
    at.types.announced([]);
    at.types.onChange(forgotten);
    expect(at.types.get('echo')).toEqual(first);
    at.stands(null);
    at.types.onChange(forgotten);
    expect(at.types.get('echo')).toBeUndefined();
  });

  it('goes when its last WEE does, where its release was deleted while that was still seen', async () => {
    await using at = await open();
    at.stands({});
    at.types.announced([inRegion([first])]);
    at.stands(null);
    at.types.onChange(forgotten);
    expect(at.types.get('echo')).toEqual(first);
    at.types.announced([]);
    expect(at.types.get('echo')).toBeUndefined();
  });

  it('goes where it was read before the deletion, and the documents after it, or the other way round', async () => {
    await using at = await open();
    at.types.announced([inRegion([first])]);
    await until(async () => (await remembered(at)).length === 1);
    const restarted = at.start();
    at.documents.loaded = false;
    await restarted.load(new AbortController().signal);
    expect(restarted.get('echo')).toEqual(first);
    at.documents.loaded = true;
    restarted.onChange([]);
    expect(restarted.get('echo')).toBeUndefined();
    const late = at.start();
    await late.load(new AbortController().signal);
    expect(late.all()).toEqual([]);
  });

  it('is known anew when somebody comes back with it, also while it is being forgotten', async () => {
    await using at = await open();
    at.types.announced([inRegion([first])]);
    await until(async () => (await remembered(at)).length === 1);
    at.types.announced([]);
    at.types.onChange(forgotten);
    const forgetting = at.types.forget('echo');
    at.types.announced([inRegion([first])]);
    await forgetting;
    expect(at.types.get('echo')).toEqual(first);
    await until(async () => (await remembered(at)).length === 1);
  });
});

describe('a type with several majors', () => {
  it('takes what any of them accepts, and says which they are', async () => {
    await using at = await open();
    at.stands({});
    at.types.announced([inRegion([first, second])]);
    expect(at.types.judge('echo', { text: 'a' })).toEqual({ type: first, majors: [1] });
    expect(at.types.judge('echo', { texts: 'a' })).toEqual({ type: second, majors: [2] });
    expect(at.types.judge('echo', { text: 'a', texts: 'b' })).toEqual({ type: first, majors: [1, 2] });
    expect(at.types.faults('echo', { texts: 'a' })).toEqual([]);
  });

  it('names the faults that the stable one finds', async () => {
    await using at = await open();
    at.stands({});
    at.types.announced([inRegion([first, second])]);
    expect(at.types.judge('echo', {})).toMatchObject({ faults: [{ pointer: '#/input/text' }] });
  });

  it.each([
    ['below its share', 0.29, { trialMajor: 2 }],
    ['above it', 0.3, {}],
  ])('names the major on trial when the dice fall %s, and the stable one first', async (_, dice, trial) => {
    await using at = await open();
    at.types.announced([inRegion([first, lenient])]);
    at.stands({ candidate: '2.0.0', share: 0.3 });
    at.dice.next = dice;
    expect(at.types.judge('echo', { text: 'a' })).toEqual({ type: first, majors: [1, 2], ...trial });
  });

  it('names no major on trial that does not accept the input, or that is the only one to', async () => {
    await using at = await open();
    at.types.announced([inRegion([first, second])]);
    at.stands({ candidate: '2.0.0', share: 1 });
    expect(at.types.judge('echo', { text: 'a' })).toEqual({ type: first, majors: [1] });
    expect(at.types.judge('echo', { texts: 'a' })).toEqual({ type: second, majors: [2] });
  });

  it.each([
    ['is not finished', '2.0.0-rc.1', []],
    ['was rejected', '2.0.0', [rejection('2.0.0')]],
  ])('keeps tasks away from a major that %s, though somebody has it', async (_, version, rejected) => {
    await using at = await open();
    at.types.announced([inRegion([first, { ...lenient, version }])]);
    at.stands({ rejected });
    expect(at.types.judge('echo', { text: 'a' })).toEqual({ type: first, majors: [1] });
  });

  it('follows the release when it changes', async () => {
    await using at = await open();
    at.types.announced([inRegion([first, lenient])]);
    at.stands({ stable: '2.0.0' });
    expect(at.types.judge('echo', { text: 'a' })).toEqual({ type: lenient, majors: [2, 1] });
    const rejected = [{ version: '2.0.0', reason: 'bad', at: '2026-02-20T10:00:00.000Z' }];
    at.stands({ rejected });
    expect(at.types.judge('echo', { text: 'a' })).toEqual({ type: first, majors: [1] });
  });

  it('forgets a major when its last WEE leaves, unless that is the stable one', async () => {
    await using at = await open();
    at.stands({});
    at.types.announced([inRegion([first, second])]);
    at.types.announced([inRegion([first])]);
    expect(at.types.judge('echo', { texts: 'a' })).toHaveProperty('faults');
    at.types.announced([inRegion([second])]);
    expect(at.types.judge('echo', { text: 'a' })).toHaveProperty('majors', [1]);
    at.stands({ stable: '2.0.0' });
    expect(at.types.judge('echo', { text: 'a' })).toHaveProperty('faults');
  });

  it('is remembered as the version that has become stable has it', async () => {
    await using at = await open();
    at.stands({});
    at.types.announced([inRegion([first, { ...first, version: '1.1.0' }])]);
    const versions = async () => (await at.store.taskTypes()).map(({ version }) => version);
    await until(async () => (await versions()).join() === '1.0.0');
    at.stands({ stable: '1.1.0' });
    at.types.onChange([{ kind: 'release', id: 'echo' }]);
    await until(async () => (await versions()).join() === '1.1.0');
    // Not heard of here, but by another replica.
    await at.store.saveTaskTypes([{ ...first, version: '1.2.0', type: 'echo@1' }]);
    at.stands({ stable: '1.2.0' });
    at.types.onChange([{ kind: 'release', id: 'echo' }]);
    await new Promise(setImmediate);
    expect(await versions()).toEqual(['1.2.0']);
  });

  it('is known with all of them after a restart, as long as nobody has spoken', async () => {
    await using at = await open();
    at.stands({});
    at.types.announced([inRegion([first, second])]);
    await until(async () => (await at.store.taskTypes()).length === 2);
    const restarted = at.start();
    await restarted.load(new AbortController().signal);
    expect(restarted.all()).toEqual([first]);
    expect(restarted.judge('echo', { texts: 'a' })).toEqual({ type: second, majors: [2] });
  });
});
