import { submissionSchema } from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import type { ScheduleRecord } from '../documents/kinds.ts';
import { isoAt, openDocuments, startMs } from './fixtures/region-documents.ts';
import type { Recurring, Scheduler } from './scheduler.ts';
import { recurringOf, startSchedules } from './schedules.ts';

const schedule = (changes: Partial<ScheduleRecord> = {}): ScheduleRecord => ({
  schedule_id: 'nightly',
  task: submissionSchema
    .omit({ run_at: true, deadline: true, idempotency_key: true })
    .parse({ type: 'echo', input: { text: 'hello' } }),
  every_ms: 60_000,
  timezone: 'UTC',
  splay_ms: 0,
  paused: false,
  expire: true,
  created_at: isoAt(startMs),
  updated_at: isoAt(startMs),
  ...changes,
});

const written = (value: ScheduleRecord) => ({ kind: 'schedule', id: value.schedule_id, value }) as const;

function fakeScheduler() {
  const all = new Map<string, Recurring>();
  const scheduler: Scheduler = {
    set: (recurring) => void all.set(recurring.id, recurring),
    remove: (id) => void all.delete(id),
    once() {},
    async [Symbol.asyncDispose]() {},
  };
  return { scheduler, all };
}

describe('the tasks of a schedule', () => {
  const slot = startMs + 60_000;

  it('have a key that names schedule and slot, whoever makes them and however often', () => {
    const [first] = recurringOf(schedule()).tasksFor(slot);
    const [again] = recurringOf(schedule()).tasksFor(slot);
    const [next] = recurringOf(schedule()).tasksFor(slot + 60_000);
    expect(first?.idempotency_key).toBe('schedule:nightly:2026-02-20T10:01:00.000Z');
    expect(again).toEqual(first);
    expect(next?.idempotency_key).toBe('schedule:nightly:2026-02-20T10:02:00.000Z');
  });

  it('keep what their owner says, and carry the label of the schedule', () => {
    const { task } = schedule();
    const labelled = schedule({ task: { ...task, labels: { team: 'ops' } } });
    expect(recurringOf(labelled).tasksFor(slot)[0]).toMatchObject({
      type: 'echo',
      input: { text: 'hello' },
      labels: { team: 'ops', 'tenma-schedule': 'nightly' },
    });
  });

  it('are right submissions even where the owner has used up all labels', () => {
    const labels = Object.fromEntries(Array.from({ length: 32 }, (_, n) => [`label-${n}`, 'x']));
    const full = schedule({ task: { ...schedule().task, labels } });
    const [task] = recurringOf(full).tasksFor(slot);
    expect(submissionSchema.parse(task).labels).toEqual(labels);
  });

  it('expire when the next slot starts, or in a second where slots are denser', () => {
    const deadlineOf = (changes: Partial<ScheduleRecord>) =>
      recurringOf(schedule(changes)).tasksFor(slot)[0]?.deadline;
    expect(deadlineOf({})).toBe(isoAt(slot + 60_000));
    expect(deadlineOf({ every_ms: 200 })).toBe(isoAt(slot + 1_000));
    expect(deadlineOf({ every_ms: undefined, cron: '0 * * * *' })).toBe(isoAt(startMs + 3_600_000));
    expect(deadlineOf({ expire: false })).toBeUndefined();
  });
});

describe('the scheduler', () => {
  it('follows the schedules that are written down: new, changed, paused, deleted', async () => {
    await using at = await openDocuments();
    const { scheduler, all } = fakeScheduler();
    await at.write(written(schedule()));
    using _ = startSchedules({ documents: at.documents, scheduler });
    const nightly = () => all.get('schedule:nightly');
    expect(nightly()?.principal).toBe('schedule');
    expect(nightly()?.slotAfter(startMs)).toBe(startMs + 60_000);
    await at.write(written(schedule({ every_ms: 10_000 })));
    expect(nightly()?.slotAfter(startMs)).toBe(startMs + 10_000);
    await at.write(written(schedule({ paused: true })));
    expect(nightly()).toBeUndefined();
    await at.write(written(schedule()));
    expect(nightly()).toBeDefined();
    await at.write({ kind: 'schedule', id: 'nightly', value: null });
    expect(all.size).toBe(0);
  });

  it('follows them no more after the end', async () => {
    await using at = await openDocuments();
    const { scheduler, all } = fakeScheduler();
    const schedules = startSchedules({ documents: at.documents, scheduler });
    schedules[Symbol.dispose]();
    await at.write(written(schedule()));
    expect(all.size).toBe(0);
  });
});
