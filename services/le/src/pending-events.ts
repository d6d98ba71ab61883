import type { QueuedEvent, TaskEvent } from '@tenma/protocol';

/** The events of one task that wait to be written together. */
export interface PendingTask {
  readonly events: TaskEvent[];
  /** Called once each when the events are written down. */
  readonly written: (() => void)[];
}

/**
 * Events of the journal that have arrived and are not written down, by task. A `queued` alone is held back: most tasks
 * end soon after, and then one write says it all.
 */
export interface PendingEvents {
  /** Tasks that wait to be written; those held back are not counted. */
  readonly size: number;
  has(taskId: string): boolean;
  hold(event: QueuedEvent, now: number): void;
  /** Takes along what is held back of the task. */
  add(event: TaskEvent, written: () => void): void;
  /** What has been held back since `heldSince` or longer waits no more. */
  release(heldSince: number): void;
  take(limit: number): Map<string, PendingTask>;
  /** What could not be written goes before what has arrived since. */
  putBack(tasks: ReadonlyMap<string, PendingTask>): void;
}

export function createPendingEvents(): PendingEvents {
  let tasks = new Map<string, PendingTask>();
  const held = new Map<string, { event: QueuedEvent; since: number }>();

  function pendingOf(taskId: string): PendingTask {
    let found = tasks.get(taskId);
    if (!found) tasks.set(taskId, (found = { events: [], written: [] }));
    const earlier = held.get(taskId);
    if (earlier) {
      held.delete(taskId);
      found.events.push(earlier.event);
    }
    return found;
  }

  return {
    get size() {
      return tasks.size;
    },
    has: (taskId) => tasks.has(taskId) || held.has(taskId),
    hold(event, since) {
      if (tasks.has(event.task_id)) pendingOf(event.task_id).events.push(event);
      else held.set(event.task_id, { event, since });
    },
    add(event, written) {
      const task = pendingOf(event.task_id);
      task.events.push(event);
      task.written.push(written);
    },
    release(heldSince) {
      // In the order of arrival: the first that is too young ends the round.
      for (const [taskId, { since }] of held) {
        if (since > heldSince) break;
        pendingOf(taskId);
      }
    },
    take(limit) {
      if (tasks.size <= limit) {
        const all = tasks;
        tasks = new Map();
        return all;
      }
      const taken = new Map<string, PendingTask>();
      for (const [taskId, task] of tasks) {
        if (taken.size === limit) break;
        taken.set(taskId, task);
      }
      for (const taskId of taken.keys()) tasks.delete(taskId);
      return taken;
    },
    putBack(older) {
      const newer = tasks;
      tasks = new Map(older);
      for (const [taskId, task] of newer) {
        const before = tasks.get(taskId);
        if (before) {
          before.events.push(...task.events);
          before.written.push(...task.written);
        } else tasks.set(taskId, task);
      }
    },
  };
}
