import { describe, expect, it } from 'vitest';
import { contextForTest, dispatchForTest, fleetOf, randomFrom } from './fixture.ts';
import { createInFlight } from './in-flight.ts';
import { place, type PlacementContext } from './placement.ts';

/** Two WEEs of different capacity near a target in Dublin, and one in each of two regions that are farther. */
const fleet = fleetOf(
  { id: 'small', region: 'dublin', slots: 100, mean_ms: 200 },
  { id: 'large', region: 'london', slots: 300, mean_ms: 200 },
  { id: 'far', region: 'virginia', slots: 300, mean_ms: 200 },
);
const roundTrips = { dublin: { london: 12, virginia: 80 } };

/** Places `burst` tasks within one moment; how many went to each region. */
function spread(burst: number, changes: Partial<PlacementContext> = {}): Record<string, number> {
  const inFlight = createInFlight(() => 0);
  const context = contextForTest({
    roundTrips,
    random: randomFrom(11),
    sent: (key, load) => inFlight.slots(key, load),
    ...changes,
  });
  const counts: Record<string, number> = {};
  for (let n = 0; n < burst; n += 1) {
    const result = place(dispatchForTest({ region: 'any', near: 'dublin' }), fleet, context);
    if (!result.placed) throw new Error(result.reason);
    inFlight.add(result.target.key, result.target.load, 1);
    counts[result.placement.region] = (counts[result.placement.region] ?? 0) + 1;
  }
  return counts;
}

describe('tasks that deal with Dublin, where two WEEs of different capacity and a far region can take them', () => {
  it('stay where the way is short while there is room', () => {
    expect(spread(90)).toEqual({ dublin: 90 });
  });

  it('go on to the next region when a wait is longer than the way, and to the far one last', () => {
    const counts = spread(420);
    expect(Object.keys(counts)).toEqual(['dublin', 'london']);
    expect(counts['dublin']).toBeGreaterThanOrEqual(100);
    expect(counts['london']).toBeGreaterThan(290);
  });

  it('fill all three by their capacity when the waits are longer than any way', () => {
    const { dublin = 0, london = 0, virginia = 0 } = spread(14_000);
    expect(dublin / 2_000).toBeCloseTo(1, 0);
    expect(london / dublin).toBeGreaterThan(2.6);
    expect(london / dublin).toBeLessThan(3.4);
    expect(virginia / london).toBeGreaterThan(0.9);
    expect(virginia / london).toBeLessThan(1.05);
  });

  it('tell on each task why it is where it is', () => {
    const sent = (key: string) => ({ 'dublin/echo-v1': 150, 'london/echo-v1': 310 })[key] ?? 0;
    const result = place(
      dispatchForTest({ region: 'any', near: 'dublin' }),
      fleet,
      contextForTest({ roundTrips, sent, degraded: ['virginia'] }),
    );
    expect(result).toMatchObject({
      placement: {
        region: 'london',
        pool: 'echo-v1',
        score: 19.3,
        parts: { wait_ms: 7.3, round_trip_ms: 12, penalty_ms: 0 },
        rejected: [
          { pool: 'dublin/echo-v1', reason: 'score 102 ms', score: 102 },
          { pool: 'virginia/echo-v1', reason: 'score 1080 ms', score: 1_080 },
        ],
      },
    });
  });
});
