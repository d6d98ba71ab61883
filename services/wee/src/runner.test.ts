import type { TaskEvent } from '@tenma/protocol';
import { silentLog, systemClock } from '@tenma/runtime';
import { describe, expect, it } from 'vitest';
import type { Announcer } from './announcer.ts';
import { createEpochGate } from './epoch-gate.ts';
import { assignment, identity } from './fixture.ts';
import type { ProcessGroup } from './process-group.ts';
import { createRunner } from './runner.ts';
import { createSlots } from './slots.ts';

/** A runner whose attempts succeed at once. Its gate is shut. */
function setUp(slots = 2) {
  const clock = systemClock();
  const bus = { status: 'connected', onStatus: () => ({ [Symbol.dispose]: () => undefined }) } as const;
  const gate = createEpochGate({ bus, clock, log: silentLog() });
  gate.watch(() => undefined);
  const started: string[] = [];
  const group = {
    start({ run }: Parameters<ProcessGroup['start']>[0]) {
      started.push(run.task_id);
      return { runId: started.length, ended: Promise.resolve({ outcome: 'succeeded', output: null }) };
    },
  } as unknown as ProcessGroup;
  const events: TaskEvent[] = [];
  const journal = {
    write: (event: TaskEvent) => Promise.resolve(void events.push(event)),
    idle: () => Promise.resolve(),
  };
  const announcer = { result: () => Promise.resolve(true) } as unknown as Announcer;
  const runner = createRunner(
    { group, journal, announcer, slots: createSlots(slots), gate, clock },
    identity,
  );
  const counters = { held: 0, running: 0, ended: 0, lastTakenQueuedAt: null };
  return { gate, runner, started, events, counters };
}

describe('while a WEE does not know where the epoch stands', () => {
  it('it starts what is for its region, and holds what is for `active` or `any`', async () => {
    const { gate, runner, started, counters } = setUp(1);
    using _ = gate;
    const [follows, anywhere] = [assignment(1), assignment(2, { region: 'any' })];
    const held = [follows, anywhere].map((each) => runner.run(each, counters));
    const here = assignment(3, { region: identity.region });
    expect(await runner.run(here, counters)).toBe('ack');
    expect(started).toEqual([here.id]);
    expect(counters.held).toBe(2);
    gate.told();
    expect(await Promise.all(held)).toEqual(['ack', 'ack']);
    expect(started).toEqual([here.id, follows.id, anywhere.id]);
  });

  it('what turns out to be void is given back with the epoch, and not started', async () => {
    const { gate, runner, started, events, counters } = setUp();
    using _ = gate;
    const held = runner.run(assignment(1, { epoch: 1 }), counters);
    runner.void({ kind: 'void', region: 'here', epoch: 4 });
    gate.told();
    expect(await held).toBe('ack');
    expect(started).toEqual([]);
    expect(events).toMatchObject([{ kind: 'returned', reason: 'voided', epoch: 4 }]);
  });

  it('a stop gives back what it holds', async () => {
    const { gate, runner, started, counters } = setUp();
    const held = runner.run(assignment(1), counters);
    runner.stopStarting();
    gate[Symbol.dispose]();
    expect(await held).toBe('retry');
    expect(started).toEqual([]);
  });
});
