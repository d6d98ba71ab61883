import {
  type Json,
  type NewPolicy,
  pointer,
  type Policy,
  policyEvents,
  type PolicyPatch,
  problem,
  type Problem,
  timestamp,
} from '@tenma/protocol';
import type { Clock } from '@tenma/runtime';
import { type Answer, changeDocuments, type Plan } from '../documents/change-documents.ts';
import type { DocumentCache } from '../documents/document-cache.ts';
import type { FleetWatch } from '../fleet-watch.ts';
import { taskFault } from '../task-template.ts';
import type { TaskTypes } from '../task-types.ts';
import { unknownType } from '../unknown-type.ts';

interface Components {
  readonly documents: DocumentCache;
  readonly clock: Clock;
  readonly types: TaskTypes;
  readonly fleet: Pick<FleetWatch, 'view'>;
}

export function policiesInOrder(documents: DocumentCache): Policy[] {
  return [...documents.all('policy').values()]
    .map(({ value }) => value)
    .sort((a, b) => (a.policy_id < b.policy_id ? -1 : 1));
}

/** @throws StoreUnavailableError, as the other verbs do */
export async function createPolicy(components: Components, wanted: NewPolicy): Promise<Answer<Policy>> {
  const { documents, clock } = components;
  const { policy_id: id } = wanted;
  const wrong = thenFault(components, wanted) ?? fieldFault(wanted);
  if (wrong) return { problem: wrong };
  return changeDocuments(documents, (): Plan<Policy> | { problem: Problem } => {
    const known = documents.get('policy', id);
    if (known) return { problem: takenId(id, known.value) };
    const value = policyRecord(wanted, { builtIn: false, now: timestamp(clock.now()) });
    return { value, writes: [{ kind: 'policy', id, expected: 0, value }] };
  });
}

/** A policy that has not acted yet. */
export function policyRecord(
  wanted: NewPolicy,
  { builtIn, now }: { readonly builtIn: boolean; readonly now: string },
): Policy {
  return {
    ...wanted,
    built_in: builtIn,
    last_task_id: null,
    last_acted_at: null,
    last_problem: null,
    created_at: now,
    updated_at: now,
  };
}

function takenId(id: string, { built_in: builtIn }: Policy): Problem {
  const hint = builtIn
    ? 'Choose another id: this one is built in and cannot be deleted.'
    : `Choose another id, or delete the one that has it first: DELETE /api/v1/policies/${id}.`;
  return problem('already_exists', { detail: `there is a policy ${id} already`, hint });
}

/** A policy whose type nobody knows cannot be switched on; one that is on stays so. */
export async function updatePolicy(
  { documents, clock, types }: Components,
  id: string,
  patch: PolicyPatch,
): Promise<Answer<Policy>> {
  return changeDocuments(documents, (): Plan<Policy> | { problem: Problem } => {
    const known = documents.get('policy', id);
    if (!known) return { problem: unknownPolicy(id) };
    const { enabled = known.value.enabled, cooldown_ms = known.value.cooldown_ms } = patch;
    const { type } = known.value.then;
    if (enabled && !known.value.enabled && !types.get(type)) {
      return { problem: unknownType(types, type, '#/enabled') };
    }
    const value = { ...known.value, enabled, cooldown_ms, updated_at: timestamp(clock.now()) };
    return { value, writes: [{ kind: 'policy', id, expected: known.version, value }] };
  });
}

/** Tasks that it has submitted stay. Built-in policies do, too: they would come back with the next first start. */
export async function deletePolicy({ documents }: Components, id: string): Promise<Answer<null>> {
  return changeDocuments(documents, (): Plan<null> | { problem: Problem } => {
    const known = documents.get('policy', id);
    if (!known) return { problem: unknownPolicy(id) };
    if (known.value.built_in) {
      const detail = `the policy ${id} is built in and cannot be deleted`;
      const hint = `Switch it off instead: PATCH /api/v1/policies/${id} {"enabled": false}.`;
      return { problem: problem('invalid_state', { detail, hint }) };
    }
    return { value: null, writes: [{ kind: 'policy', id, expected: known.version, value: null }] };
  });
}

export function unknownPolicy(id: string): Problem {
  return problem('unknown_policy', { detail: `there is no policy ${id}` });
}

interface Placeholder {
  readonly pointer: string;
  readonly field: string;
}

/** Conditions and placeholders may name only what the event has. */
function fieldFault({ when, then }: NewPolicy): Problem | null {
  const fields: readonly string[] = policyEvents[when.event];
  const named: Placeholder[] = [
    ...Object.keys(when.where).map((field) => ({ pointer: pointer(['when', 'where', field]), field })),
    ...placeholdersOf(then),
  ];
  const errors = named
    .filter(({ field }) => !fields.includes(field))
    .map(({ pointer: at, field }) => ({
      pointer: at,
      detail: `${when.event} has no field ${field}, only ${fields.join(', ')}`,
    }));
  return errors.length > 0 ? problem('invalid_request', { errors }) : null;
}

function thenFault(components: Components, { then }: NewPolicy): Problem | null {
  const inputIsFinal = placeholdersOf(then).length === 0;
  return taskFault(components, then, '#/then', { inputIsFinal });
}

function placeholdersOf({ input, labels }: NewPolicy['then']): Placeholder[] {
  return [
    ...placeholdersIn(input ?? null, ['then', 'input']),
    ...placeholdersIn(labels ?? {}, ['then', 'labels']),
  ];
}

/** `{field}` in the texts of a value, however deep. Braces around anything else are text. */
function placeholdersIn(value: Json, path: PropertyKey[]): Placeholder[] {
  if (typeof value === 'string') {
    return [...value.matchAll(/\{([a-z_]+)\}/g)].map(([, field = '']) => ({ pointer: pointer(path), field }));
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) => placeholdersIn(part, [...path, key]));
}
