import {
  type newPolicySchema,
  type newScheduleSchema,
  type Policy,
  type PolicyPatch,
  policySchema,
  type Schedule,
  type SchedulePatch,
  scheduleSchema,
} from '@tenma/protocol';
import { z } from 'zod';
import { type Collection, createCollection, createRest } from './rest.ts';
import type { Transport } from './transport.ts';

/** What a caller writes: defaults may be left out. */
export type NewScheduleInput = z.input<typeof newScheduleSchema>;
export type NewPolicyInput = z.input<typeof newPolicySchema>;

/** Tasks that are submitted again and again. */
export type ScheduleCalls = Collection<Schedule, NewScheduleInput, SchedulePatch>;
/** Tasks that are submitted when something happens. */
export type PolicyCalls = Collection<Policy, NewPolicyInput, PolicyPatch>;

/** Strict for its owner; an answer of a newer LE may say more. */
const policyReader = policySchema.strip();
const itemsOf = <Item>(item: z.ZodType<Item>) =>
  z.object({ items: z.array(item) }).transform(({ items }) => items);

export function createScheduleCalls(transport: Transport): ScheduleCalls {
  const listReader = itemsOf(scheduleSchema);
  return createCollection(createRest(transport), '/api/v1/schedules', scheduleSchema, listReader);
}

export function createPolicyCalls(transport: Transport): PolicyCalls {
  const listReader = itemsOf(policyReader);
  return createCollection(createRest(transport), '/api/v1/policies', policyReader, listReader);
}
