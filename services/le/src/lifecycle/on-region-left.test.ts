import { describe, expect, it } from 'vitest';
import { after, queued, specForTest, started, t0 } from './fixture.ts';
import { onRegionLeft } from './on-region-left.ts';

const now = t0 + 100;
const standing = (region: string) => after([queued()], specForTest({ region }));

describe('when the active region has moved away', () => {
  it.each(['active', 'any'])('a task for %s that stands in a queue there is due at once', (region) => {
    const step = onRegionLeft(standing(region), 'here', now);
    expect(step?.life).toMatchObject({
      state: 'waiting',
      dueAt: now,
      settledNo: 1,
      reason: 'region here was left: placed anew',
    });
  });

  it('a task for the region itself waits for it', () => {
    expect(onRegionLeft(standing('here'), 'here', now)).toBeNull();
  });

  it('a task that stands elsewhere stays', () => {
    expect(onRegionLeft(standing('active'), 'elsewhere', now)).toBeNull();
  });

  it('a task that runs goes on', () => {
    const running = after([queued(), started()], specForTest({ region: 'active' }));
    expect(onRegionLeft(running, 'here', now)).toBeNull();
  });
});
