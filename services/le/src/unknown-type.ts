import { type Problem, problem } from '@tenma/protocol';
import type { TaskTypes } from './task-types.ts';

/**
 * The refusal of a task type that nobody has announced, and that is not remembered: before that has been read nobody
 * knows. `pointer`: where it stands in a larger body.
 */
export function unknownType(types: TaskTypes, type: string, pointer?: string): Problem {
  if (!types.loaded) {
    return problem('store_unavailable', { detail: 'the task types have not been read from the store yet' });
  }
  const known = types.all().map((one) => one.type);
  const hint =
    known.length > 0
      ? `Known types: ${known.join(', ')}.`
      : 'No worker has announced itself yet: start a WEE, or wait for the one that is starting.';
  const detail = `no worker has announced the task type ${type}`;
  const errors = pointer === undefined ? {} : { errors: [{ pointer, detail }] };
  return problem('unknown_type', { detail, hint, ...errors });
}
