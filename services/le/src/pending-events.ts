import type { QueuedEvent, TaskEvent } from '@tenma/protocol';

/** The events of one task that wait to be written together. */
export interface PendingTask {
  readonly events: TaskEvent[];
  /** Called once each when the events are written down. */
  readonly written: (() => void)[];
  readonly urgent: boolean;
}

/**
 * Events of the journal that have arrived and are not written down, by task. A `queued` alone is held back: most tasks
 * end soon after, and then one write says it all. Urgent tasks are written before others, in small writes of their own:
 * at most every other one, and of the others half is for the rest, so that all are written.
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

type Tasks = Map<string, PendingTask>;

export function createPendingEvents(): PendingEvents {
  const urgents: Tasks = new Map();
  const others: Tasks = new Map();
  const held = new Map<string, { event: QueuedEvent; since: number }>();
  let urgentAlone = false;

  const waiting = (taskId: string) => urgents.get(taskId) ?? others.get(taskId);

  /** A task is as urgent as any of its events: not all say it. */
  function pendingOf(taskId: string, urgent: boolean): PendingTask {
    const before = waiting(taskId);
    if (before && (before.urgent || !urgent)) return before;
    others.delete(taskId);
    const task = { events: before?.events ?? [], written: before?.written ?? [], urgent };
    (urgent ? urgents : others).set(taskId, task);
    const earlier = held.get(taskId);
    if (earlier) {
      held.delete(taskId);
      task.events.push(earlier.event);
    }
    return task;
  }

  return {
    get size() {
      return urgents.size + others.size;
    },
    has: (taskId) => waiting(taskId) !== undefined || held.has(taskId),
    hold(event, since) {
      const task = waiting(event.task_id);
      if (task) task.events.push(event);
      else held.set(event.task_id, { event, since });
    },
    add(event, written) {
      const task = pendingOf(event.task_id, 'urgent' in event && event.urgent === true);
      task.events.push(event);
      task.written.push(written);
    },
    release(heldSince) {
      // In the order of arrival: the first that is too young ends the round.
      for (const [taskId, { since }] of held) {
        if (since > heldSince) break;
        pendingOf(taskId, false);
      }
    },
    take(limit) {
      urgentAlone = urgents.size > 0 && !urgentAlone;
      if (urgentAlone) return takeFrom(urgents, limit);
      const kept = Math.min(others.size, Math.ceil(limit / 2));
      const taken = takeFrom(urgents, limit - kept);
      return new Map([...taken, ...takeFrom(others, limit - taken.size)]);
    },
    putBack(older) {
      const newer = [...urgents, ...others];
      urgents.clear();
      others.clear();
      for (const [taskId, { events, written, urgent }] of [...older, ...newer]) {
        const task = pendingOf(taskId, urgent);
        task.events.push(...events);
        task.written.push(...written);
      }
    },
  };
}

function takeFrom(tasks: Tasks, limit: number): Tasks {
  const taken: Tasks = new Map();
  for (const [taskId, task] of tasks) {
    if (taken.size === limit) break;
    taken.set(taskId, task);
  }
  for (const taskId of taken.keys()) tasks.delete(taskId);
  return taken;
}
