import type { Json } from '@tenma/protocol';
import { canFollow, type TaskError, type TaskState, taskError } from '@tenma/protocol';
import type { TaskControl, TaskLife } from '@tenma/store';

/** A task's next life. Pure functions in this folder make one from a control, something that happened, and the time. */
export interface Step {
  readonly life: TaskLife;
  readonly output?: Json;
}

export interface Moment {
  readonly now: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** The next life with `changes`, one revision on. A change of state must stand in the table of transitions. */
export function next(life: TaskLife, changes: Partial<Omit<TaskLife, 'revision'>>): TaskLife {
  if (changes.state !== undefined && changes.state !== life.state && !canFollow(life.state, changes.state)) {
    throw new Error(`no transition leads from ${life.state} to ${changes.state}`);
  }
  return { ...life, ...changes, revision: life.revision + 1 };
}

/** Without the version that ran the last attempt: of the next one it is told at its end. */
export function unversioned(life: TaskLife): TaskLife {
  if (life.workerVersion === undefined) return life;
  const { workerVersion: _before, ...rest } = life;
  return rest;
}

export interface Ending {
  readonly state: Extract<TaskState, 'succeeded' | 'failed' | 'cancelled' | 'expired'>;
  readonly at: number;
  readonly error: TaskError | null;
  /** True when whoever ended it has already announced it. */
  readonly announced: boolean;
}

export function end(life: TaskLife, { state, at, error, announced }: Ending): TaskLife {
  const reason = error?.message ?? null;
  return next(life, { state, reason, error, announced, finishedAt: at, dueAt: null, clockAt: null });
}

export function cancelled(life: TaskLife, at: number): TaskLife {
  const error = taskError('cancelled', 'cancelled on request');
  return end(life, { state: 'cancelled', at, error, announced: false });
}

/**
 * Until when it may start: the end of its queue time, or of all its time. A task that is sent again while it counts as
 * running has left the queue behind it: only all its time counts.
 */
export function startBy({ spec, life }: TaskControl): number {
  if (life.state === 'running') return life.expiresAt;
  return Math.min(life.readyAt + spec.queueTimeoutMs, life.expiresAt);
}
