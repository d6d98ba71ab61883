import { isTerminal, type TaskState, taskStates } from '@tenma/protocol';

const unfinished = taskStates.filter((state) => !isTerminal(state));

/** Unfinished tasks that wait for no time of their own, so that they can be made due at any moment. */
export const dueAnyTime = unfinished.filter((state) => state !== 'scheduled' && state !== 'retrying');

/** Sets of states as they stand in `state IN (…)`. */
export interface StateSets {
  readonly unfinished: string;
  readonly dueAnyTime: string;
  /** With a pool, which will tell of them. */
  readonly placed: string;
  /** The index of unannounced ends is made with the same list. */
  readonly ended: string;
}

const quoted = (states: readonly TaskState[]) => states.map((state) => `'${state}'`).join(', ');

export const stateSets: StateSets = {
  unfinished: quoted(unfinished),
  dueAnyTime: quoted(dueAnyTime),
  placed: quoted(['queued', 'running']),
  ended: quoted(taskStates.filter(isTerminal)),
};
