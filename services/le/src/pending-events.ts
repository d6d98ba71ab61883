import type { TaskEvent } from '@tenma/protocol';

/** The events of one task that wait to be written together. */
export interface PendingTask {
  readonly events: TaskEvent[];
  /** Called once each when the events are written down. */
  readonly written: (() => void)[];
  readonly since: number;
}

/** Events of the journal that have arrived and are not written down, by task. */
export interface PendingEvents {
  readonly size: number;
  has(taskId: string): boolean;
  add(event: TaskEvent, written: () => void, now: number): void;
  /** Takes up to `limit` tasks out, leaving for now those of which only `queued` is known since after `heldSince`. */
  take(limit: number, heldSince: number): Map<string, PendingTask>;
  /** What could not be written goes before what has arrived since. */
  putBack(tasks: ReadonlyMap<string, PendingTask>): void;
}

export function createPendingEvents(): PendingEvents {
  let tasks = new Map<string, PendingTask>();
  return {
    get size() {
      return tasks.size;
    },
    has: (taskId) => tasks.has(taskId),
    add(event, written, now) {
      const found = tasks.get(event.task_id);
      if (found) {
        found.events.push(event);
        found.written.push(written);
      } else tasks.set(event.task_id, { events: [event], written: [written], since: now });
    },
    take(limit, heldSince) {
      const taken = new Map<string, PendingTask>();
      for (const [id, task] of tasks) {
        if (taken.size === limit) break;
        if (task.since > heldSince && task.events.every(({ kind }) => kind === 'queued')) continue;
        taken.set(id, task);
      }
      for (const id of taken.keys()) tasks.delete(id);
      return taken;
    },
    putBack(older) {
      const newer = tasks;
      tasks = new Map(older);
      for (const [id, task] of newer) {
        const before = tasks.get(id);
        if (before) {
          before.events.push(...task.events);
          before.written.push(...task.written);
        } else tasks.set(id, task);
      }
    },
  };
}
