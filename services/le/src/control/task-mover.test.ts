import { exchanges, unplacedRegion, type VoidMessage } from '@tenma/protocol';
import { manualClock, silentLog } from '@tenma/runtime';
import type { Store, TaskRecord } from '@tenma/store';
import { describe, expect, it } from 'vitest';
import type { DocumentCache, DocumentChange } from '../documents/document-cache.ts';
import { createLedger } from '../ledger.ts';
import { after, queued, specForTest } from '../lifecycle/fixture.ts';
import { createTaskMover } from './task-mover.ts';

/** Tasks in memory, documents that a test changes, and what was broadcast. */
function setUp() {
  const clock = manualClock(2_000_000);
  const tasks = new Map<string, TaskRecord>();
  const store = {
    list: async () => ({
      items: [...tasks.values()].filter(({ life }) => life.state === 'queued'),
      next: null,
    }),
    controls: async (ids: readonly string[]) => ids.flatMap((id) => tasks.get(id) ?? []),
    async apply(changes: readonly { id: string; life: TaskRecord['life'] }[]) {
      for (const { id, life } of changes) {
        const record = tasks.get(id);
        if (record) tasks.set(id, { ...record, life });
      }
      return [];
    },
  } as unknown as Store;
  const listeners = new Set<(changes: readonly DocumentChange[]) => void>();
  let active: { region_id: string; epoch: number } | null = { region_id: 'here', epoch: 1 };
  const documents = {
    get: () => (active ? { version: 1, value: active } : undefined),
    all: () => new Map(),
    onChange(listener: (changes: readonly DocumentChange[]) => void) {
      listeners.add(listener);
      listener([]);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
  } as unknown as DocumentCache;
  const told: VoidMessage[] = [];
  const bus = {
    async broadcast(exchange: string, message: VoidMessage) {
      expect(exchange).toBe(exchanges.control);
      told.push(message);
    },
  } as never;
  const releasesTold = { at: Infinity };
  let dispatched = 0;
  const make = () =>
    createTaskMover({
      store,
      ledger: createLedger(store),
      bus,
      documents,
      clock,
      log: silentLog(),
      settle: () => Promise.resolve(),
      releases: { repeat: () => void (releasesTold.at = told.length) },
      dispatch: () => (dispatched += 1),
    });
  const mover = make();
  let made = 0;
  return {
    clock,
    mover,
    told,
    /** How much had been told when the releases were repeated. */
    releasesTold,
    /** Another one, which finds the active region there. */
    create: (found: typeof active) => {
      active = found;
      return make();
    },
    dispatched: () => dispatched,
    add: (region: string) => {
      made += 1;
      const id = `01990b4c-6f2a-7cc3-9d5e-${String(made).padStart(12, '0')}`;
      const spec = specForTest({ id, region });
      tasks.set(id, { ...after([queued({ task_id: id })], spec), input: null, output: null });
      return () => tasks.get(id)?.life.state;
    },
    /** As another replica moves it. */
    move: (region_id: string, epoch: number) => {
      active = { region_id, epoch };
      for (const listener of listeners) listener([]);
    },
  };
}

describe('when the active region has moved', () => {
  it('tasks that stand in the region that was left are due again, and every WEE is told', async () => {
    const { mover, add, told, dispatched } = setUp();
    using _ = mover;
    const [anywhere, there] = [add('active'), add('here')];
    expect(await mover.leave('here', 2)).toBe(1);
    expect([anywhere(), there()]).toEqual(['waiting', 'queued']);
    expect(told).toEqual([{ kind: 'void', region: 'here', epoch: 2 }]);
    expect(dispatched()).toBe(1);
  });

  it('what was still on its way there is found a little later', async () => {
    const { mover, clock, add } = setUp();
    using _ = mover;
    await mover.leave('here', 2);
    const late = add('any');
    await clock.advance(2_000);
    expect(late()).toBe('waiting');
  });

  it('it is seen whoever has moved it, and carried out once', async () => {
    const { mover, clock, add, told, move } = setUp();
    using _ = mover;
    const task = add('active');
    move('there', 2);
    await clock.advance(10);
    expect(task()).toBe('waiting');
    await mover.leave('here', 2);
    move('there', 2);
    await clock.advance(10);
    expect(told).toHaveLength(1);
  });

  it('what a dead replica has left undone is done by who starts after it', async () => {
    const { add, create } = setUp();
    const [anywhere, elsewhere, there] = [add('active'), add('any'), add('here')];
    using _ = create({ region_id: 'there', epoch: 2 });
    await Promise.resolve();
    await new Promise(setImmediate);
    expect([anywhere(), elsewhere(), there()]).toEqual(['waiting', 'queued', 'queued']);
  });

  it('a WEE that appears is told again where the epoch stands, also before the first move', async () => {
    const { mover, told, move } = setUp();
    using _ = mover;
    mover.repeat();
    expect(told).toEqual([{ kind: 'void', region: unplacedRegion, epoch: 1 }]);
    move('there', 2);
    mover.repeat();
    expect(told.at(-1)).toEqual({ kind: 'void', region: unplacedRegion, epoch: 2 });
  });

  it('a WEE that appears is told the releases before the word that ends the answer', () => {
    const { mover, told, releasesTold } = setUp();
    using _ = mover;
    mover.repeat();
    expect(told.slice(releasesTold.at)).toEqual([{ kind: 'void', region: unplacedRegion, epoch: 1 }]);
  });

  it('a WEE that appears before the documents were read is told once they are', () => {
    const { create, told, move } = setUp();
    using mover = create(null);
    mover.repeat();
    expect(told).toEqual([]);
    move('here', 1);
    expect(told).toEqual([{ kind: 'void', region: unplacedRegion, epoch: 1 }]);
  });
});
