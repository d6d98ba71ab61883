import type { FinishedEvent, Json } from '@tenma/protocol';
import { exchanges, observationBatchSchema, taskError } from '@tenma/protocol';
import { silentLog } from '@tenma/runtime';
import type { TaskLife, TaskSpec } from '@tenma/store';
import { describe, expect, test } from 'vitest';
import type { Changed } from '../ledger.ts';
import { after, finished, queued, specForTest, started, t0 } from '../lifecycle/fixture.ts';
import { createObservationTeller, observationOf } from './observation-teller.ts';

const probe: Partial<TaskSpec> = {
  type: 'probe-http',
  region: 'dublin',
  principal: 'observe',
  labels: { 'tenma-node': 'n1' },
  retry: { max_attempts: 1, initial_ms: 0, factor: 1, cap_ms: 0 },
};

/** The change that the end of a running task makes. */
function ended(event: Partial<FinishedEvent>, output?: Json, spec = probe): Changed {
  const before = after([queued(), started()], specForTest(spec));
  const end = after([queued(), started(), finished(event)], specForTest(spec));
  return { before, after: end, ...(output === undefined ? {} : { output }) };
}

function lifeTurned(changes: Partial<TaskLife>): Changed {
  const before = after([queued()], specForTest(probe));
  return { before, after: { ...before, life: { ...before.life, ...changes } } };
}

test('no probe ends before LE has made it, whatever the clock of its WEE says', () => {
  const behind = ended({ at: t0 - 60_000, output: { verdict: 'up' } }, { verdict: 'up' });
  expect(observationOf(behind)?.at).toBe(t0);
});

const common = { node_id: 'n1', observer: 'dublin', task_id: specForTest().id };
const timings = { dns_ms: null, connect_ms: 1.5, tls_ms: null, first_byte_ms: 3, total_ms: 4.5 };

describe('what the end of a probe says of its node', () => {
  test.each<[string, Json, object]>([
    ['up', { verdict: 'up', reason: 'ok', timings }, { outcome: 'up', reason: 'ok', round_trip_ms: 1.5 }],
    [
      'down, with why',
      { verdict: 'down', reason: 'status_503', timings },
      { outcome: 'down', reason: 'status_503', round_trip_ms: 1.5 },
    ],
    [
      'down, and how long it took to fail is no round trip',
      { verdict: 'down', reason: 'timeout', timings: { ...timings, connect_ms: null } },
      { outcome: 'down', reason: 'timeout', round_trip_ms: null },
    ],
    [
      'up by echo',
      { verdict: 'up', reason: 'ok', rtt: { avg_ms: 0.25 }, timings: { total_ms: 400 } },
      { outcome: 'up', reason: 'ok', round_trip_ms: 0.25 },
    ],
    [
      'up by a whole exchange',
      { verdict: 'up', reason: 'ok', timings: { total_ms: 12 } },
      { outcome: 'up', reason: 'ok', round_trip_ms: 12 },
    ],
    [
      'up by a probe of another make',
      { verdict: 'up' },
      { outcome: 'up', reason: null, round_trip_ms: null },
    ],
    [
      'nothing without a verdict',
      { colour: 'red' },
      { outcome: 'lost', reason: 'no_verdict', round_trip_ms: null },
    ],
    ['nothing if the output is none', null, { outcome: 'lost', reason: 'no_verdict', round_trip_ms: null }],
  ])('%s', (_, output, observation) => {
    expect(observationOf(ended({ output }, output))).toEqual({ ...common, at: t0 + 30, ...observation });
  });

  test.each([
    ['attempt_timeout', 'the attempt took too long'],
    ['worker_error', 'its worker failed'],
    ['worker_crashed', 'its process died'],
  ] as const)('nothing: %s, when %s', (code, message) => {
    const event = { outcome: 'failed', error: taskError(code, message), output: undefined } as const;
    expect(observationOf(ended(event))).toMatchObject({ ...common, outcome: 'lost', reason: code });
  });

  test('nothing, when nobody took it in time or it was cancelled', () => {
    const error = taskError('queue_timeout', 'nobody came');
    const expired = lifeTurned({ state: 'expired', error, finishedAt: t0 + 99 });
    expect(observationOf(expired)).toMatchObject({ outcome: 'lost', reason: 'queue_timeout', at: t0 + 99 });
    const cancelled = lifeTurned({ state: 'cancelled', reason: 'by hand', finishedAt: t0 + 99 });
    expect(observationOf(cancelled)).toMatchObject({ outcome: 'lost', reason: 'by hand' });
  });

  test.each([
    ['a task that has not ended', lifeTurned({ state: 'running' })],
    ['a change after the end', { ...ended({}, 1), before: ended({}, 1).after }],
    [
      'a probe that somebody else has submitted',
      ended({}, { verdict: 'up' }, { ...probe, principal: 'anonymous' }),
    ],
    ['a measurement', ended({}, { verdict: 'up' }, { ...probe, labels: { 'tenma-latency': 'dublin' } })],
  ])('is not asked of %s', (_, changed) => {
    expect(observationOf(changed)).toBeNull();
  });
});

describe('the teller of observations', () => {
  function setUp(broadcast: (exchange: string, body: unknown) => Promise<void>) {
    return createObservationTeller({ bus: { broadcast }, log: silentLog() }, 'le-1');
  }

  test('tells everybody of the probes that ended together, in one message', () => {
    const sent: [string, unknown][] = [];
    const teller = setUp(async (exchange, body) => void sent.push([exchange, body]));
    const up = { verdict: 'up', reason: 'ok' };
    teller.onChange([ended({}, up), lifeTurned({ state: 'running' }), ended({}, { verdict: 'down' })]);
    teller.onChange([lifeTurned({ state: 'running' })]);
    expect(sent).toMatchObject([[exchanges.observations, { from: 'le-1' }]]);
    const batch = observationBatchSchema.parse(sent[0]?.[1]);
    expect(batch.observations.map(({ outcome }) => outcome)).toEqual(['up', 'down']);
  });

  test('drops them while the bus is away', async () => {
    let tries = 0;
    const teller = setUp(async () => {
      tries += 1;
      throw new Error('away');
    });
    teller.onChange([ended({}, { verdict: 'up' })]);
    await new Promise(setImmediate);
    expect(tries).toBe(1);
  });
});
