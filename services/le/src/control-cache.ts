import type { TaskControl } from '@tenma/store';

/** The unfinished tasks touched last, by id. A stale entry does no harm: writes are compare-and-set. */
export interface ControlCache {
  get(id: string): TaskControl | undefined;
  set(control: TaskControl): void;
  delete(id: string): void;
}

export function createControlCache(size: number): ControlCache {
  const controls = new Map<string, TaskControl>();
  return {
    get: (id) => controls.get(id),
    set({ spec, life }) {
      controls.delete(spec.id);
      if (life.finishedAt !== null) return;
      controls.set(spec.id, { spec, life });
      const oldest = controls.keys().next();
      if (controls.size > size && !oldest.done) controls.delete(oldest.value);
    },
    delete: (id) => void controls.delete(id),
  };
}
