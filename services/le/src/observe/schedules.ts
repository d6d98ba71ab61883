import { limits, type SubmissionInput, timestamp } from '@tenma/protocol';
import type { DocumentCache } from '../documents/document-cache.ts';
import type { ScheduleRecord } from '../documents/kinds.ts';
import { slotAfterOf } from './schedule-slots.ts';
import type { Recurring, Scheduler } from './scheduler.ts';

interface Components {
  readonly documents: DocumentCache;
  readonly scheduler: Scheduler;
}

/** Who submits the tasks of schedules. */
const schedulePrincipal = 'schedule';
/** Label on a task: the schedule it belongs to. */
const scheduleLabel = 'tenma-schedule';
/** A task is given at least this long, however dense its slots are. */
const leastMs = 1_000;

/** Keeps the scheduler in step with the schedules that are written down: from now on, until disposed. */
export function startSchedules({ documents, scheduler }: Components): Disposable {
  return documents.onChange((changes) => {
    for (const { kind, id } of changes) {
      if (kind !== 'schedule') continue;
      const schedule = documents.get('schedule', id)?.value;
      if (schedule && !schedule.paused) scheduler.set(recurringOf(schedule));
      else scheduler.remove(recurringId(id));
    }
  });
}

function recurringId(scheduleId: string): string {
  return `schedule:${scheduleId}`;
}

/** The slots of a schedule, and the task of each: the same one whoever makes it and however often. */
export function recurringOf(schedule: ScheduleRecord): Recurring {
  return {
    id: recurringId(schedule.schedule_id),
    principal: schedulePrincipal,
    slotAfter: (after) => slotAfterOf(schedule, after),
    tasksFor: (slot) => [taskOf(schedule, slot)],
  };
}

function taskOf(schedule: ScheduleRecord, slot: number): SubmissionInput {
  const { schedule_id: id, task } = schedule;
  const next = schedule.expire ? slotAfterOf(schedule, slot) : null;
  return {
    ...task,
    labels: labelled(task.labels ?? {}, id),
    idempotency_key: `${recurringId(id)}:${timestamp(slot)}`,
    ...(next === null ? {} : { deadline: timestamp(Math.max(next, slot + leastMs)) }),
  };
}

/** Where the schedule's owner has used up all labels, none of them has to go. */
function labelled(labels: Readonly<Record<string, string>>, id: string): Record<string, string> {
  const own = { ...labels, [scheduleLabel]: id };
  return Object.keys(own).length > limits.labels ? { ...labels } : own;
}
