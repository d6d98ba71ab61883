import type { TaskControl } from '@tenma/store';
import type { Changed } from './ledger.ts';

/** Tells those who wait for a task what becomes of it. */
export interface TaskWatch {
  /** Every change of the task from now on. `control` is null when another replica made it: read the store. */
  on(taskId: string, listener: (control: TaskControl | null) => void): Disposable;
  changed(changes: readonly Changed[]): void;
  changedElsewhere(ids: readonly string[]): void;
}

export function createTaskWatch(): TaskWatch {
  const listeners = new Map<string, Set<(control: TaskControl | null) => void>>();

  function tell(id: string, control: TaskControl | null): void {
    for (const listener of listeners.get(id) ?? []) listener(control);
  }

  return {
    on(taskId, listener) {
      const set = listeners.get(taskId) ?? new Set();
      set.add(listener);
      listeners.set(taskId, set);
      return {
        [Symbol.dispose]() {
          set.delete(listener);
          if (set.size === 0 && listeners.get(taskId) === set) listeners.delete(taskId);
        },
      };
    },
    changed(changes) {
      if (listeners.size > 0) for (const { after } of changes) tell(after.spec.id, after);
    },
    changedElsewhere(ids) {
      if (listeners.size > 0) for (const id of ids) tell(id, null);
    },
  };
}
