import type { TaskEvent } from '@tenma/protocol';
import { type Clock, manualClock, silentLog, systemClock } from '@tenma/runtime';
import { until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import type { Announcer } from './announcer.ts';
import { createAttemptReport } from './attempt-report.ts';
import { createEpochGate } from './epoch-gate.ts';
import { assignment, identity } from './fixture.ts';
import { createSeats } from './pools/seats.ts';
import type { Outcome } from './processes/interfaces.ts';
import type { PoolWorkers, VersionedRequest } from './releases/interfaces.ts';
import { createRunner } from './runner.ts';

const done: Outcome = { outcome: 'succeeded', output: null };

/** A runner whose attempts end at once. Its gate is shut. */
function setUp(
  slots = 2,
  outcome: Outcome = done,
  { clock = systemClock() as Clock, kept = Promise.resolve() } = {},
) {
  const bus = { status: 'connected', onStatus: () => ({ [Symbol.dispose]: () => undefined }) } as const;
  const closing = new AbortController();
  const gate = createEpochGate({ bus, clock, log: silentLog() });
  gate.watch(() => undefined);
  const started: VersionedRequest[] = [];
  const workers = {
    slotsOf: () => 1,
    start(request: VersionedRequest) {
      started.push(request);
      return { ended: Promise.resolve({ version: '1.2.0', outcome }), cancel: () => undefined };
    },
  } as unknown as PoolWorkers;
  const events: TaskEvent[] = [];
  const journal = {
    write: (event: TaskEvent) => Promise.resolve(void events.push(event)),
    idle: () => Promise.resolve(),
  };
  const announcer = { result: () => Promise.resolve(true) } as unknown as Announcer;
  const keepOutput = async (_: unknown, taskId: string) => {
    await kept;
    return {
      blob_id: taskId,
      bytes: 1,
      content_type: 'application/json',
      sha256: '',
      expires_at: '',
    };
  };
  const report = createAttemptReport(
    { journal, announcer, keepOutput, closing: closing.signal, clock },
    identity,
  );
  const runner = createRunner({ report, gate, clock, region: identity.region });
  const counters = { held: 0, running: 0, ending: 0, ended: 0, lastTakenQueuedAt: null };
  const pool = { workers, seats: createSeats(() => slots), counters };
  const ids = () => started.map(({ run }) => run.task_id);
  return { gate, runner, started, ids, events, pool };
}

describe('while a WEE does not know where the epoch stands', () => {
  it('it starts what is for its region, and holds what is for `active` or `any`', async () => {
    const { gate, runner, ids, pool } = setUp(1);
    using _ = gate;
    const [follows, anywhere] = [assignment(1), assignment(2, { region: 'any' })];
    const held = [follows, anywhere].map((each) => runner.run(each, pool));
    const here = assignment(3, { region: identity.region });
    expect(await runner.run(here, pool)).toBe('ack');
    expect(ids()).toEqual([here.id]);
    expect(pool.counters.held).toBe(2);
    gate.told();
    expect(await Promise.all(held)).toEqual(['ack', 'ack']);
    expect(ids()).toEqual([here.id, follows.id, anywhere.id]);
  });

  it('what turns out to be void is given back with the epoch, and not started', async () => {
    const { gate, runner, started, events, pool } = setUp();
    using _ = gate;
    const held = runner.run(assignment(1, { epoch: 1 }), pool);
    runner.void({ kind: 'void', region: 'here', epoch: 4 });
    gate.told();
    expect(await held).toBe('ack');
    expect(started).toEqual([]);
    expect(events).toMatchObject([{ kind: 'returned', reason: 'voided', epoch: 4 }]);
  });

  it('a stop gives back what it holds', async () => {
    const { gate, runner, started, pool } = setUp();
    const held = runner.run(assignment(1), pool);
    runner.stopStarting();
    gate[Symbol.dispose]();
    expect(await held).toBe('retry');
    expect(started).toEqual([]);
  });
});

describe('an attempt', () => {
  const here = { region: identity.region };

  it('takes the slots that the task says, else those of its input', async () => {
    const { gate, runner, started, pool } = setUp(50);
    using _ = gate;
    await runner.run(assignment(1, { ...here, cost: 30 }), pool);
    await runner.run(assignment(2, here), pool);
    expect(started.map(({ slots }) => slots)).toEqual([30, 1]);
    expect(pool.seats.taken).toBe(0);
  });

  it('is reported with the version that made it', async () => {
    const { gate, runner, events, pool } = setUp();
    using _ = gate;
    await runner.run(assignment(1, here), pool);
    expect(events).toMatchObject([{ kind: 'finished', outcome: 'succeeded', version: '1.2.0' }]);
  });

  it('above the default priority is reported as urgent', async () => {
    const { gate, runner, events, pool } = setUp();
    using _ = gate;
    await runner.run(assignment(1, { ...here, priority: 6 }), pool);
    await runner.run(assignment(2, here), pool);
    expect(events.map((event) => 'urgent' in event)).toEqual([true, false]);
    expect(events[0]).toMatchObject({ urgent: true });
  });

  it('with a large output is reported with a reference to it', async () => {
    const file = { path: '', bytes: 1, stored_bytes: 1, content_encoding: 'zstd', sha256: '' } as const;
    const { gate, runner, events, pool } = setUp(2, { outcome: 'succeeded', file });
    using _ = gate;
    await runner.run(assignment(1, here), pool);
    expect(events).toMatchObject([{ outcome: 'succeeded', output_ref: { blob_id: assignment(1).id } }]);
    expect(events[0]).not.toHaveProperty('output');
  });

  it('is told of as alive while its large output is on its way', async () => {
    const file = { path: '', bytes: 1, stored_bytes: 1, content_encoding: 'zstd', sha256: '' } as const;
    const clock = manualClock();
    const { promise: kept, resolve } = Promise.withResolvers<void>();
    const { gate, runner, events, pool } = setUp(2, { outcome: 'succeeded', file }, { clock, kept });
    using _ = gate;
    const run = runner.run(assignment(1, here), pool);
    for (let second = 0; second < 10; second += 1) await clock.advance(1_000);
    resolve();
    await run;
    expect(events.map(({ kind }) => kind)).toEqual(['started', 'started', 'started', 'finished']);
    const [first, second, third] = events.map(({ at }) => at) as [number, number, number];
    expect(first < second && second < third).toBe(true);
  });

  it('whose large output cannot be kept has failed, and can be tried again', async () => {
    const file = { path: '', bytes: 1, stored_bytes: 1, content_encoding: 'zstd', sha256: '' } as const;
    const kept = Promise.reject(new Error('the disk is full'));
    const { gate, runner, events, pool } = setUp(2, { outcome: 'succeeded', file }, { kept });
    using _ = gate;
    expect(await runner.run(assignment(1, here), pool)).toBe('ack');
    expect(events).toMatchObject([{ outcome: 'failed', error: { code: 'internal', retryable: true } }]);
  });

  it('counts as not over until its end is told', async () => {
    const file = { path: '', bytes: 1, stored_bytes: 1, content_encoding: 'zstd', sha256: '' } as const;
    const { promise: kept, resolve } = Promise.withResolvers<void>();
    const { gate, runner, pool } = setUp(2, { outcome: 'succeeded', file }, { kept });
    using _ = gate;
    const run = runner.run(assignment(1, here), pool);
    await until(() => pool.counters.ended === 1);
    expect(pool.counters).toMatchObject({ held: 0, running: 0, ending: 1 });
    resolve();
    await run;
    expect(pool.counters.ending).toBe(0);
  });

  it('that no pool here can run is given back', async () => {
    const { gate, runner, events } = setUp();
    using _ = gate;
    expect(await runner.refuse(assignment(1, here))).toBe('ack');
    expect(events).toMatchObject([{ kind: 'returned', reason: 'unknown_type' }]);
  });
});
