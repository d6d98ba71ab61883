import { isDeeperThan, limits, type Problem, problem, type ScheduledTask } from '@tenma/protocol';
import type { DocumentCache } from './documents/document-cache.ts';
import type { FleetWatch } from './fleet-watch.ts';
import { isKnownRegion, unknownRegion } from './geo/known-regions.ts';
import type { TaskTypes } from './task-types.ts';
import { unknownType } from './unknown-type.ts';

interface Components {
  readonly types: TaskTypes;
  readonly documents: DocumentCache;
  readonly fleet: Pick<FleetWatch, 'view'>;
}

/**
 * What is wrong with a task that something else will submit, found as its submission would be refused. `at`: the JSON
 * pointer of the task in the body. An input that is filled in later is not compared with the schema of its type.
 */
export function taskFault(
  { types, documents, fleet }: Components,
  task: ScheduledTask,
  at: string,
  { inputIsFinal }: { readonly inputIsFinal: boolean },
): Problem | null {
  if (isDeeperThan(task.input ?? null, limits.jsonDepth)) return tooDeep(`${at}/input`);
  if (!types.get(task.type)) return unknownType(types, task.type, `${at}/type`);
  if (!isKnownRegion({ documents, fleet }, task.region)) {
    const refusal = unknownRegion(documents, task.region);
    return { ...refusal, errors: [{ pointer: `${at}/region`, detail: refusal.detail }] };
  }
  const faults = inputIsFinal ? types.faults(task.type, task.input ?? {}) : [];
  if (faults.length === 0) return null;
  const errors = faults.map(({ pointer, detail }) => ({ pointer: pointer.replace('#', at), detail }));
  return problem('invalid_input', { errors });
}

/** The refusal of an input that no submission could carry. */
export function tooDeep(pointer: string): Problem {
  const detail = `is nested deeper than ${limits.jsonDepth} levels`;
  return problem('invalid_request', { errors: [{ pointer, detail }] });
}
