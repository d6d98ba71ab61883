import type { Observation } from '@tenma/protocol';
import { manualClock, silentLog } from '@tenma/runtime';
import { type ObservationRow, StoreUnavailableError } from '@tenma/store';
import { describe, expect, test } from 'vitest';
import { startObservationRecorder } from './observation-recorder.ts';

const seen = (node_id: string, at: number): Observation => ({
  node_id,
  observer: 'dublin',
  outcome: 'up',
  at,
  round_trip_ms: 1,
  reason: 'ok',
  task_id: '01990b4c-6f2a-7cc3-9d5e-0f6d2f1a7b10',
});

function setUp() {
  const clock = manualClock(1_000_000);
  const calls: (readonly ObservationRow[])[] = [];
  const store = {
    away: false,
    async recordObservations(rows: readonly ObservationRow[]) {
      if (store.away) throw new StoreUnavailableError('away');
      calls.push(rows);
    },
  };
  return { clock, calls, store, recorder: startObservationRecorder({ store, clock, log: silentLog() }) };
}

describe('the recorder of observations', () => {
  test('records what has come within half a second in one call, under the node', async () => {
    const { clock, calls, recorder } = setUp();
    await using _ = recorder;
    recorder.add(seen('n1', 5));
    recorder.add(seen('n2', 6));
    await clock.advance(2_000);
    expect(calls).toEqual([
      [
        { target: 'n1', at: 5, value: seen('n1', 5) },
        { target: 'n2', at: 6, value: seen('n2', 6) },
      ],
    ]);
  });

  test('keeps what it can while the store is away, the newest', async () => {
    const { clock, calls, store, recorder } = setUp();
    await using _ = recorder;
    store.away = true;
    for (let at = 0; at < 25_000; at += 1) recorder.add(seen('n1', at));
    await clock.advance(3_000);
    store.away = false;
    await clock.advance(1_000);
    const rows = calls.flat();
    expect(rows.length).toBeGreaterThan(18_000);
    expect(rows.length).toBeLessThanOrEqual(20_000);
    expect(rows.at(-1)?.at).toBe(24_999);
    expect(rows.map(({ at }) => at)).toEqual(rows.map(({ at }) => at).toSorted((a, b) => a - b));
    expect(Math.max(...calls.map(({ length }) => length))).toBeLessThanOrEqual(1_000);
  });
});
