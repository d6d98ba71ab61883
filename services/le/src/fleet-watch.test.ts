import type { Message, Results } from '@tenma/results';
import { createMemoryBroker, createMemoryBus } from '@tenma/bus/memory';
import { exchanges, type Heartbeat, type Presence } from '@tenma/protocol';
import { manualClock, silentLog } from '@tenma/runtime';
import { describe, expect, it } from 'vitest';
import { watchFleet } from './fleet-watch.ts';

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
    onAppeared: (_, { status }) => void appeared.push(status),
    onHeardAgain: () => void (again += 1),
  });
  const who = { wee_id: 'wee-1', region: 'here' };
  return {
    clock,
    appeared,
    again: () => again,
    says(status: Presence['status'], boot_id = 'one') {
      const rest = {
        labels: [],
        version: '0',
        since: '2026-01-01T00:00:00.000Z',
        pools: [],
        types: [],
        echo: null,
      };
      hear({ topic: '', payload: { data: { ...who, boot_id, status, ...rest } }, retained: false });
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
