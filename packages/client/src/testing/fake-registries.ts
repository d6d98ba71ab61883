import {
  newPolicySchema,
  newScheduleSchema,
  type Policy,
  policyPatchSchema,
  problem,
  type Schedule,
  schedulePatchSchema,
  timestamp,
} from '@tenma/protocol';
import { createFakeCollection, type FakeCollection } from './fake-collection.ts';

/** Schedules are kept; nothing is ever due here. */
export function createFakeSchedules(): FakeCollection<Schedule> {
  return createFakeCollection({
    newSchema: newScheduleSchema,
    patchSchema: schedulePatchSchema,
    idOf: (schedule) => schedule.schedule_id,
    make: ({ every_ms = null, cron = null, ...schedule }): Schedule => ({
      ...schedule,
      every_ms,
      cron,
      next_slot_at: every_ms === null ? null : timestamp(Math.ceil(Date.now() / every_ms) * every_ms),
      ...born(),
    }),
    unknown: 'unknown_schedule',
    envelope: (items) => ({ items }),
  });
}

/** Policies are kept; nothing ever happens here. */
export function createFakePolicies(): FakeCollection<Policy> {
  return createFakeCollection({
    newSchema: newPolicySchema,
    patchSchema: policyPatchSchema,
    idOf: (policy) => policy.policy_id,
    make: (policy): Policy => ({
      ...policy,
      built_in: false,
      last_task_id: null,
      last_acted_at: null,
      last_problem: null,
      ...born(),
    }),
    refuseRemoval: ({ built_in }) => (built_in ? problem('invalid_state') : undefined),
    unknown: 'unknown_policy',
    envelope: (items) => ({ items }),
  });
}

export function born(): { created_at: string; updated_at: string } {
  const now = timestamp(Date.now());
  return { created_at: now, updated_at: now };
}
