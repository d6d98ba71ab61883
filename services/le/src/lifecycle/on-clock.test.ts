import { describe, expect, it } from 'vitest';
import { after, moment, queued, specForTest, started, t0 } from './fixture.ts';
import { onClock } from './on-clock.ts';

const alive = { alive: true, takenUpTo: null };
const minute = 60_000;

describe('the clocks of a task', () => {
  it('expire it when it has not started in its queue time, with the reason it waited for', () => {
    const event = {
      kind: 'waiting' as const,
      task_id: specForTest().id,
      dispatch_no: 1,
      at: t0,
      reason: 'no gpu',
    };
    const step = onClock(after([event]), null, moment(t0 + 5 * minute));
    expect(step?.life).toMatchObject({ state: 'expired', error: { code: 'queue_timeout' } });
    expect(step?.life.error?.message).toContain('no gpu');
  });

  it('expire it at its deadline, even while it runs', () => {
    const control = after([started()], specForTest({ deadline: t0 + 1_000 }));
    const step = onClock(control, null, moment(t0 + 1_000));
    expect(step?.life).toMatchObject({ state: 'expired', error: { code: 'deadline_exceeded' } });
  });

  it('take an attempt as lost whose WEE did not report its end', () => {
    const step = onClock(after([started()]), null, moment(t0 + 2 * minute));
    expect(step?.life).toMatchObject({ state: 'retrying', error: { code: 'worker_lost' } });
  });

  it('let it stand in the queue of a pool that lives and has not passed it over', () => {
    const step = onClock(after([queued()]), alive, moment(t0 + 31_000));
    expect(step?.life).toMatchObject({ state: 'queued', dueAt: null, clockAt: t0 + 61_000 });
  });

  it('send it again when its pool is gone or has passed it over', () => {
    const gone = onClock(after([queued()]), { alive: false, takenUpTo: null }, moment(t0 + 31_000));
    expect(gone?.life).toMatchObject({ state: 'waiting', dueAt: t0 + 31_000 });
    const passed = onClock(after([queued()]), { alive: true, takenUpTo: t0 + minute }, moment(t0 + 70_000));
    expect(passed?.life).toMatchObject({ state: 'waiting', dueAt: t0 + 70_000 });
  });

  it('do nothing before their time', () => {
    expect(onClock(after([queued()]), alive, moment(t0 + 29_000))).toBeNull();
  });
});
