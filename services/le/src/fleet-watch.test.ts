import type { Message, Results } from '@tenma/results';
import { createMemoryBroker, createMemoryBus } from '@tenma/bus/memory';
import { exchanges, type Heartbeat, type PoolPresence, type Presence } from '@tenma/protocol';
import { manualClock, silentLog } from '@tenma/runtime';
import { describe, expect, it } from 'vitest';
import { watchFleet } from './fleet-watch.ts';
import { weeWith } from './releases/fixture.ts';

const echoPool: PoolPresence = {
  pool: 'echo-v1',
  type: 'echo',
  version: '1.0.0',
  labels: [],
  queue: 'q',
  slots: 1,
  running: 0,
  held: 0,
};

async function open() {
  const clock = manualClock(1_000_000);
  const base = { clock, log: silentLog() };
  const bus = createMemoryBus({ ...base, broker: createMemoryBroker(base) });
  let hear: (message: Message) => void = () => undefined;
  const results = {
    status: 'connected',
    onStatus: () => ({ [Symbol.dispose]: () => undefined }),
    subscribe(_: string, handler: typeof hear) {
      hear = handler;
      return Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() });
    },
  } as unknown as Results;
  const appeared: Presence['status'][] = [];
  let again = 0;
  const fleet = await watchFleet({
    bus,
    results,
    clock,
    onAppeared: ({ status }) => void appeared.push(status),
    onHeardAgain: () => void (again += 1),
  });
  const who = { wee_id: 'wee-1', region: 'here' };
  return {
    clock,
    appeared,
    sight: (wee?: string) => fleet.sightOf('here', 'echo-v1', wee),
    again: () => again,
    onVersions: (listener: Parameters<typeof fleet.onVersions>[0]) => fleet.onVersions(listener),
    says(status: Presence['status'], boot_id = 'one', versions: readonly string[] = []) {
      const data = weeWith(who.wee_id, versions, { boot_id, status, pools: [echoPool] });
      hear({ topic: '', payload: { data }, retained: false });
    },
    async beats(changes: Partial<Heartbeat> = {}) {
      const beat: Heartbeat = { ...who, boot_id: 'one', at: 0, running: [], pools: [], ...changes };
      await bus.broadcast(exchanges.heartbeats, beat);
      await clock.advance(0);
    },
    async [Symbol.asyncDispose]() {
      await fleet[Symbol.asyncDispose]();
      await bus[Symbol.asyncDispose]();
    },
  };
}

describe('a WEE', () => {
  it('appears when it starts, and again when it begins to take tasks', async () => {
    await using fleet = await open();
    for (const status of ['draining', 'draining', 'online', 'online', 'draining'] as const)
      fleet.says(status);
    expect(fleet.appeared).toEqual(['draining', 'online']);
    fleet.says('online', 'two');
    expect(fleet.appeared).toEqual(['draining', 'online', 'online']);
  });

  it('is heard again the first time, and after a silence, but not from beat to beat', async () => {
    await using fleet = await open();
    await fleet.beats();
    expect(fleet.again()).toBe(1);
    for (const gapMs of [5_000, 5_000, 9_000]) {
      await fleet.clock.advance(gapMs);
      await fleet.beats();
    }
    expect(fleet.again()).toBe(1);
    await fleet.clock.advance(15_000);
    await fleet.beats();
    expect(fleet.again()).toBe(2);
  });

  it('is heard whenever it asks for the epoch', async () => {
    await using fleet = await open();
    for (const asks of [true, true, false]) await fleet.beats({ awaits_epoch: asks });
    expect(fleet.again()).toBe(2);
  });
});

describe('the pool of a task that is addressed to a WEE', () => {
  const beat = (wee_id: string, at: number | null) => ({
    wee_id,
    pools: [{ pool: 'echo-v1', held: 0, running: 0, last_taken_queued_at: at }],
  });

  it('is alive while that WEE takes tasks, and no longer', async () => {
    await using fleet = await open();
    await fleet.beats(beat('wee-2', 7));
    expect(fleet.sight()).toEqual({ alive: true, takenUpTo: 7 });
    expect(fleet.sight('wee-1')).toEqual({ alive: false, takenUpTo: null });
    fleet.says('online');
    expect(fleet.sight('wee-1')).toEqual({ alive: true, takenUpTo: null });
    fleet.says('draining');
    await fleet.beats(beat('wee-1', 5));
    expect(fleet.sight('wee-1')).toEqual({ alive: false, takenUpTo: null });
  });

  it('is alive while that WEE beats, where presence has not been heard', async () => {
    await using fleet = await open();
    await fleet.beats(beat('wee-1', null));
    expect(fleet.sight('wee-1')).toEqual({ alive: true, takenUpTo: null });
  });

  it('tells when it comes, goes, starts anew or has other versions, and not with every word', async () => {
    await using fleet = await open();
    const heard: string[][] = [];
    using _ = fleet.onVersions((online) =>
      heard.push(online.flatMap(({ types }) => types.map(({ version }) => version))),
    );
    for (const version of ['1.0.0', '1.0.0', '1.1.0', '1.1.0']) fleet.says('online', 'one', [version]);
    fleet.says('online', 'two', ['1.1.0']);
    fleet.says('draining', 'two', ['1.1.0']);
    fleet.says('offline', 'two');
    expect(heard).toEqual([[], ['1.0.0'], ['1.1.0'], ['1.1.0'], [], []]);
  });
});
