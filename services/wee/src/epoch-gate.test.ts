import type { BusStatus } from '@tenma/bus';
import { manualClock, silentLog } from '@tenma/runtime';
import { describe, expect, it } from 'vitest';
import { createEpochGate } from './epoch-gate.ts';

function setUp(initial: BusStatus = 'connected') {
  const clock = manualClock();
  let status = initial;
  const listeners = new Set<(status: BusStatus) => void>();
  const bus = {
    get status() {
      return status;
    },
    onStatus(listener: (status: BusStatus) => void) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
  };
  const gate = createEpochGate({ bus, clock, log: silentLog() });
  let asked = 0;
  gate.watch(() => (asked += 1));
  return {
    clock,
    gate,
    asked: () => asked,
    listeners,
    become: (next: BusStatus) => {
      status = next;
      for (const listener of listeners) listener(next);
    },
  };
}

describe('the gate before tasks that follow the active region', () => {
  it('is shut from the start, and opens when the epoch was told', async () => {
    const { gate, asked } = setUp();
    using _ = gate;
    expect(gate.open).toBe(false);
    expect(asked()).toBe(1);
    const passed = gate.opened();
    gate.told();
    await passed;
    expect(gate.open).toBe(true);
    await gate.opened();
  });

  it('asks again for as long as nobody answers, and opens untold after two seconds', async () => {
    const { gate, asked, clock } = setUp();
    using _ = gate;
    await clock.advance(1_999);
    expect(gate.open).toBe(false);
    expect(asked()).toBeGreaterThan(5);
    await clock.advance(1);
    expect(gate.open).toBe(true);
    const before = asked();
    await clock.advance(10_000);
    expect(asked()).toBe(before);
  });

  it('counts no time without a broker, and believes nothing said before it is there', async () => {
    const { gate, asked, clock, become } = setUp('connecting');
    using _ = gate;
    await clock.advance(60_000);
    gate.told();
    expect([gate.open, asked()]).toEqual([false, 0]);
    become('connected');
    expect(asked()).toBe(1);
    gate.told();
    expect(gate.open).toBe(true);
  });

  it('shuts when the broker is lost, and not when it refuses messages for a while', async () => {
    const { gate, asked, become } = setUp();
    using _ = gate;
    gate.told();
    become('blocked');
    become('connected');
    expect([gate.open, asked()]).toEqual([true, 1]);
    become('connecting');
    expect(gate.open).toBe(false);
    become('connected');
    expect([gate.open, asked()]).toEqual([false, 2]);
    gate.told();
    expect(gate.open).toBe(true);
  });

  it('stands open for good once the WEE stops', async () => {
    const { gate, become, listeners } = setUp('connecting');
    const passed = gate.opened();
    gate[Symbol.dispose]();
    await passed;
    become('connecting');
    expect([gate.open, listeners.size]).toEqual([true, 0]);
  });
});
