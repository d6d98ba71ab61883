import {
  type NewSchedule,
  problem,
  type Problem,
  type Schedule,
  type SchedulePatch,
  timestamp,
} from '@tenma/protocol';
import type { Clock } from '@tenma/runtime';
import { type Answer, changeDocuments, type Plan } from '../documents/change-documents.ts';
import type { DocumentCache } from '../documents/document-cache.ts';
import type { ScheduleRecord } from '../documents/kinds.ts';
import type { FleetWatch } from '../fleet-watch.ts';
import { taskFault } from '../task-template.ts';
import type { TaskTypes } from '../task-types.ts';
import { cronFault, isTimezone, slotAfterOf } from './schedule-slots.ts';

interface Components {
  readonly documents: DocumentCache;
  readonly clock: Clock;
  readonly types: TaskTypes;
  readonly fleet: Pick<FleetWatch, 'view'>;
}

/** A schedule as the API shows it at a moment (Unix ms). */
export function scheduleView(record: ScheduleRecord, now: number): Schedule {
  const next = slotAfterOf(record, now);
  return {
    ...record,
    every_ms: record.every_ms ?? null,
    cron: record.cron ?? null,
    next_slot_at: next === null ? null : timestamp(next),
  };
}

export function schedulesInOrder(documents: DocumentCache): ScheduleRecord[] {
  return [...documents.all('schedule').values()]
    .map(({ value }) => value)
    .sort((a, b) => (a.schedule_id < b.schedule_id ? -1 : 1));
}

/** @throws StoreUnavailableError, as the other verbs do */
export async function createSchedule(
  components: Components,
  wanted: NewSchedule,
): Promise<Answer<ScheduleRecord>> {
  const { documents, clock } = components;
  const { schedule_id: id } = wanted;
  const wrong = timeFault(wanted, clock.now()) ?? taskFaultOf(components, wanted.task);
  if (wrong) return { problem: wrong };
  return changeDocuments(documents, (): Plan<ScheduleRecord> | { problem: Problem } => {
    if (documents.get('schedule', id)) {
      const detail = `there is a schedule ${id} already`;
      const hint = `Choose another id, or delete the one that has it first: DELETE /api/v1/schedules/${id}.`;
      return { problem: problem('already_exists', { detail, hint }) };
    }
    const now = timestamp(clock.now());
    const value = { ...wanted, created_at: now, updated_at: now };
    return { value, writes: [{ kind: 'schedule', id, expected: 0, value }] };
  });
}

export async function updateSchedule(
  components: Components,
  id: string,
  patch: SchedulePatch,
): Promise<Answer<ScheduleRecord>> {
  const { documents, clock } = components;
  return changeDocuments(documents, (): Plan<ScheduleRecord> | { problem: Problem } => {
    const known = documents.get('schedule', id);
    if (!known) return { problem: unknownSchedule(id) };
    const wrong = patch.task && taskFaultOf(components, patch.task);
    if (wrong) return { problem: wrong };
    const { paused = known.value.paused, task = known.value.task } = patch;
    const value = { ...known.value, paused, task, updated_at: timestamp(clock.now()) };
    return { value, writes: [{ kind: 'schedule', id, expected: known.version, value }] };
  });
}

/** Tasks that it has submitted stay. */
export async function deleteSchedule({ documents }: Components, id: string): Promise<Answer<null>> {
  return changeDocuments(documents, (): Plan<null> | { problem: Problem } => {
    const known = documents.get('schedule', id);
    if (!known) return { problem: unknownSchedule(id) };
    return { value: null, writes: [{ kind: 'schedule', id, expected: known.version, value: null }] };
  });
}

export function unknownSchedule(id: string): Problem {
  return problem('unknown_schedule', { detail: `there is no schedule ${id}` });
}

function taskFaultOf(components: Components, task: NewSchedule['task']): Problem | null {
  return taskFault(components, task, '#/task', { inputIsFinal: true });
}

function timeFault({ cron, timezone }: NewSchedule, now: number): Problem | null {
  if (!isTimezone(timezone)) return fault('#/timezone', 'is no timezone of the IANA database');
  const wrong = cron === undefined ? null : cronFault(cron, timezone, now);
  return wrong === null ? null : fault('#/cron', wrong);
}

function fault(pointer: string, detail: string): Problem {
  return problem('invalid_request', { errors: [{ pointer, detail }] });
}
