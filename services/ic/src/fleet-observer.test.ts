import type { Message, Results } from '@tenma/results';
import { manualClock, silentLog } from '@tenma/runtime';
import { describe, expect, it } from 'vitest';
import { sift } from './eligibility.ts';
import { dispatchForTest, presenceForTest, type WeeForTest } from './fixture.ts';
import { observeFleet } from './fleet-observer.ts';

/** Ten slots in each WEE, 100 ms an attempt: two of them end 0.2 attempts in a millisecond. */
const [first, second] = [{ id: 'a' }, { id: 'b' }] as const;

async function open() {
  const clock = manualClock(1_000_000);
  let hear: (message: Message) => void = () => undefined;
  const results = {
    status: 'connected',
    onStatus: () => ({ [Symbol.dispose]: () => undefined }),
    subscribe(_: string, handler: typeof hear) {
      hear = handler;
      return Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() });
    },
  } as unknown as Results;
  const fleet = await observeFleet({ results, clock, log: silentLog() });
  const says = (wee: WeeForTest) => {
    hear({ topic: '', payload: { data: presenceForTest(wee) }, retained: false });
  };
  says(first);
  says(second);
  const target = (wee?: string) => {
    const requires = wee === undefined ? {} : { wee };
    const found = sift(dispatchForTest({ requires }), fleet.view, { activeRegion: 'tokyo', avoid: [] });
    const [only] = found.eligible;
    if (!only) throw new Error('there is no target');
    return only;
  };
  return {
    clock,
    says,
    send: (slots: number, wee?: string) => fleet.countSent(target(wee), slots),
    sent: (wee?: string) => Math.round(fleet.sent(target(wee).key, target(wee).load)),
    [Symbol.asyncDispose]: () => fleet[Symbol.asyncDispose](),
  };
}

describe('what is in flight', () => {
  it('ends at the pace of the pool', async () => {
    await using fleet = await open();
    fleet.send(60);
    await fleet.clock.advance(100);
    expect(fleet.sent()).toBe(40);
    fleet.send(10);
    expect(fleet.sent()).toBe(50);
    await fleet.clock.advance(1_000);
    expect(fleet.sent()).toBe(0);
  });

  it('shows in the words of the WEEs, for each its share', async () => {
    await using fleet = await open();
    fleet.send(60);
    fleet.says(first);
    expect(fleet.sent()).toBe(30);
    fleet.says({ ...second, id: 'c', region: 'dublin' });
    expect(fleet.sent()).toBe(30);
  });

  it('still counts where the WEE has more in hand than it can start, as its queue may hold the rest', async () => {
    await using fleet = await open();
    fleet.send(60);
    fleet.says({ ...first, held: 3 });
    expect(fleet.sent()).toBe(60);
  });

  it('weighs on the WEE that it is addressed to, and on its pool, but on no other WEE', async () => {
    await using fleet = await open();
    fleet.send(8, 'a');
    expect([fleet.sent('a'), fleet.sent('b'), fleet.sent()]).toEqual([8, 0, 8]);
    fleet.says(first);
    expect([fleet.sent('a'), fleet.sent()]).toEqual([0, 4]);
  });
});
