import { createRecentMap } from '@tenma/runtime';
import type { TaskControl } from '@tenma/store';

/** The unfinished tasks touched last, by id. A stale entry does no harm: see the ledger. */
export interface ControlCache {
  get(id: string): TaskControl | undefined;
  set(control: TaskControl): void;
  delete(id: string): void;
}

export function createControlCache(size: number): ControlCache {
  const controls = createRecentMap<TaskControl>(size);
  return {
    get: (id) => controls.get(id),
    set({ spec, life }) {
      if (life.finishedAt === null) controls.set(spec.id, { spec, life });
      else controls.delete(spec.id);
    },
    delete: (id) => controls.delete(id),
  };
}
