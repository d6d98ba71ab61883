import { canFollow, isTerminal, type TaskEvent, taskError } from '@tenma/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { after, finished, moment, queued, specForTest, started, t0 } from './fixture.ts';
import { retriedByHand } from './accept.ts';
import { onCancel } from './on-cancel.ts';
import { onEvent, onLost } from './on-event.ts';

const failure = (retryable = true) => ({
  outcome: 'failed' as const,
  error: { code: 'worker_error', message: 'no', retryable },
  announced: false,
});

describe('the journal of a task', () => {
  it('takes it from accepted over queued and running to succeeded', () => {
    expect(after([queued()]).life).toMatchObject({ state: 'queued', dueAt: null, queuedAt: t0 + 10 });
    expect(after([queued(), started()]).life).toMatchObject({ state: 'running', attempt: 1, weeId: 'wee-1' });
    const { life } = after([queued(), started(), finished()]);
    expect(life).toMatchObject({
      state: 'succeeded',
      announced: true,
      dueAt: null,
      clockAt: null,
      revision: 4,
    });
  });

  it('keeps the placement when the end is told before the queueing', () => {
    const ended = after([finished()]);
    expect(ended.life).toMatchObject({
      state: 'succeeded',
      placement: { region: 'here' },
      queuedAt: t0 + 10,
    });
    expect(onEvent(ended, queued(), moment(t0 + 40))).toBeNull();
  });

  it('lets the first end win', () => {
    const ended = after([finished()]);
    expect(onEvent(ended, finished(failure()), moment(t0 + 50))).toBeNull();
    expect(onEvent(ended, finished({ output: 43 }), moment(t0 + 50))).toBeNull();
  });

  it('ignores the news of a dispatch that another one has overtaken', () => {
    const waiting = after([
      { kind: 'waiting', task_id: specForTest().id, dispatch_no: 1, at: t0 + 5, reason: 'none' },
    ]);
    const again = { ...waiting, life: { ...waiting.life, dispatchNo: 2 } };
    expect(onEvent(again, queued({ dispatch_no: 1 }), moment(t0 + 10))).toBeNull();
    expect(onEvent(again, queued({ dispatch_no: 2 }), moment(t0 + 10))?.life.state).toBe('queued');
  });

  it('waits with the reason when no pool can take it, and costs no attempt', () => {
    const event = {
      kind: 'waiting' as const,
      task_id: specForTest().id,
      dispatch_no: 1,
      at: t0,
      reason: 'no gpu',
    };
    expect(after([event]).life).toMatchObject({
      state: 'waiting',
      reason: 'no gpu',
      attempt: 0,
      dueAt: t0 + 2_000,
    });
  });

  it('is placed anew at once when its place became void, and waits when that happens again', () => {
    const { task_id } = queued();
    const voided = (dispatch_no: number) =>
      ({ kind: 'returned', task_id, dispatch_no, at: t0 + 20, reason: 'voided', epoch: 2 }) as const;
    const sent = ({ spec, life }: ReturnType<typeof after>, dispatchNo: number) => ({
      spec,
      life: { ...life, dispatchNo },
    });
    const change = (control: ReturnType<typeof after>, event: TaskEvent) => ({
      ...control,
      life: onEvent(control, event, moment(event.at))?.life ?? control.life,
    });
    const once = after([queued(), voided(1)]);
    expect(once.life).toMatchObject({ state: 'waiting', dueAt: t0 + 20, attempt: 0 });
    // Also when IC's word of the second dispatch comes in between, as it does.
    const again = change(sent(once, 2), queued({ dispatch_no: 2 }));
    expect(again.life.state).toBe('queued');
    for (const before of [sent(once, 2), again]) {
      expect(change(before, voided(2)).life).toMatchObject({ state: 'waiting', dueAt: t0 + 20 + 2_000 });
    }
    expect(change(again, started({ dispatch_no: 2 })).life).toMatchObject({ state: 'running', reason: null });
  });

  it('retries a retryable failure after a jittered backoff', () => {
    const { life } = after([finished(failure())]);
    // Full jitter at one half of 1 s.
    expect(life).toMatchObject({
      state: 'retrying',
      attempt: 1,
      dueAt: t0 + 30 + 500,
      error: { code: 'worker_error' },
    });
  });

  it('fails at once what is not retryable, and for good after the last attempt', () => {
    expect(after([finished(failure(false))]).life.state).toBe('failed');
    const attempts = [1, 2, 3].map((attempt) => finished({ ...failure(), attempt, at: t0 + attempt }));
    expect(after(attempts).life).toMatchObject({ state: 'failed', attempt: 3 });
  });

  it('gives up a task that kills its process three times, whatever attempts are left', () => {
    const spec = specForTest({ retry: { ...specForTest().retry, max_attempts: 50 } });
    const crash = { outcome: 'failed' as const, error: taskError('worker_crashed', 'exit 1') };
    const crashes = [1, 2, 3].map((attempt) => finished({ ...crash, attempt, at: t0 + attempt }));
    expect(after(crashes.slice(0, 2), spec).life).toMatchObject({ state: 'retrying', crashes: 2 });
    expect(after(crashes, spec).life).toMatchObject({ state: 'failed', crashes: 3 });
  });

  it('accepts the success of an attempt that was given up as lost', () => {
    const running = after([started()]);
    const lost = { ...running, life: onLost(running, 'silent', moment(t0 + 90))?.life ?? running.life };
    expect(lost.life).toMatchObject({ state: 'retrying', error: { code: 'worker_lost' } });
    expect(onEvent(lost, finished(), moment(t0 + 100))?.life.state).toBe('succeeded');
    expect(onEvent(lost, finished(failure()), moment(t0 + 100))).toBeNull();
  });

  it('does not let IC speak of a dispatch after its outcome: the retry stays due', () => {
    const retrying = after([finished(failure())]);
    expect(onEvent(retrying, queued(), moment(t0 + 40))).toBeNull();
    const { task_id, dispatch_no, at } = queued();
    expect(
      onEvent(retrying, { kind: 'waiting', task_id, dispatch_no, at, reason: 'late' }, moment(t0 + 40)),
    ).toBeNull();
    const sentAgain = { ...retrying, life: { ...retrying.life, dispatchNo: 2 } };
    expect(onEvent(sentAgain, queued({ dispatch_no: 2 }), moment(t0 + 50))?.life.state).toBe('queued');
  });

  it('ignores what is reported of a life before a retry by hand', () => {
    const ended = after([finished(failure(false))]);
    const again = { ...ended, life: retriedByHand(ended, t0 + 100) };
    for (const event of [
      finished(),
      finished({ outcome: 'cancelled' }),
      started({ at: t0 + 101 }),
      queued(),
    ]) {
      expect(onEvent(again, event, moment(t0 + 110))).toBeNull();
    }
  });

  it('renews the clock of an attempt that is delivered again to the same worker', () => {
    const running = after([started()]);
    expect(onEvent(running, started(), moment(t0 + 30))).toBeNull();
    const again = onEvent(running, started({ at: t0 + 5_000 }), moment(t0 + 5_000));
    expect(again?.life.clockAt).toBe((running.life.clockAt ?? 0) + 4_980);
  });

  it('knows a version only of the attempt that told it', () => {
    const before = after([started(), finished({ ...failure(), version: '1.3.0' })]);
    expect(before.life.workerVersion).toBe('1.3.0');
    const again = { dispatch_no: 2, attempt: 2, at: t0 + 5_000 };
    for (const event of [started(again), finished({ ...again, ...failure() })]) {
      const next = onEvent(before, event, moment(t0 + 5_000))?.life;
      expect(next).toMatchObject({ attempt: 2 });
      expect(next).not.toHaveProperty('workerVersion');
    }
    const ended = after([finished({ ...failure(false), version: '1.3.0' })]);
    expect(retriedByHand(ended, t0 + 100)).not.toHaveProperty('workerVersion');
  });

  it('follows a redelivered attempt to its new worker', () => {
    expect(after([started(), started({ wee_id: 'wee-2', at: t0 + 25 })]).life.weeId).toBe('wee-2');
  });
});

describe('cancelling', () => {
  it('ends at once what has not started', () => {
    const step = onCancel(after([queued()]), t0 + 50);
    expect(step?.life).toMatchObject({ state: 'cancelled', announced: false, finishedAt: t0 + 50 });
  });

  it('asks a running attempt to stop, and ends when it has', () => {
    const running = after([started()]);
    const life = onCancel(running, t0 + 50)?.life ?? running.life;
    expect(life).toMatchObject({ state: 'running', cancelRequested: true });
    const stopped = onEvent({ ...running, life }, finished({ outcome: 'cancelled' }), moment(t0 + 60));
    expect(stopped?.life.state).toBe('cancelled');
    const failed = onEvent({ ...running, life }, finished(failure()), moment(t0 + 60));
    expect(failed?.life.state).toBe('cancelled');
  });

  it('does not take the abort of a dispatch that was taken away for a cancellation', () => {
    const waiting = after([
      queued(),
      { kind: 'returned', task_id: specForTest().id, dispatch_no: 1, at: t0, reason: 'not_after' },
    ]);
    expect(onEvent(waiting, finished({ outcome: 'cancelled' }), moment(t0 + 60))).toBeNull();
  });

  it('is overtaken by a failure that was announced already', () => {
    const running = after([started()]);
    const life = onCancel(running, t0 + 50)?.life ?? running.life;
    const failed = onEvent(
      { ...running, life },
      finished({ ...failure(false), announced: true }),
      moment(t0 + 60),
    );
    expect(failed?.life.state).toBe('failed');
  });

  it('says no for a task that has ended', () => {
    expect(onCancel(after([finished()]), t0 + 50)).toBeNull();
  });
});

const anyEvent = fc.oneof(
  fc.record({ dispatch_no: fc.integer({ min: 1, max: 3 }) }).map(queued),
  fc
    .record({ attempt: fc.integer({ min: 1, max: 4 }), wee_id: fc.constantFrom('wee-1', 'wee-2') })
    .map(started),
  fc.record({ attempt: fc.integer({ min: 1, max: 4 }), announced: fc.boolean() }).map(finished),
  fc
    .record({ attempt: fc.integer({ min: 1, max: 4 }), retryable: fc.boolean() })
    .map(({ attempt, retryable }) => finished({ attempt, ...failure(retryable) })),
);

describe('whatever the order of events', () => {
  it('every change follows the table, grows the revision by one, and an end has no clocks', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 12 }), (events) => {
        let control = after([]);
        for (const event of events) {
          const step = onEvent(control, event, moment(event.at));
          if (!step) continue;
          const { state } = control.life;
          expect(state === step.life.state || canFollow(state, step.life.state)).toBe(true);
          expect(step.life.revision).toBe(control.life.revision + 1);
          expect(step.life.attempt).toBeGreaterThanOrEqual(control.life.attempt);
          const open = step.life.dueAt !== null || step.life.clockAt !== null;
          expect(open).toBe(!isTerminal(step.life.state));
          control = { ...control, life: step.life };
        }
      }),
    );
  });
});
