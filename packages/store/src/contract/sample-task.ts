import { createUuidV7 } from '@tenma/protocol';
import type { TaskChange, TaskControl, TaskLife, TaskRecord, TaskSpec } from '../task-record.ts';

/** A round moment that the samples live around. */
export const noon = Date.UTC(2026, 0, 15, 12);

export const newId = createUuidV7(
  () => noon,
  (bytes) => crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>),
);

/** A fresh id as if made at this time. */
export function idAt(epochMs: number): string {
  return createUuidV7(
    () => epochMs,
    (bytes) => crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>),
  )();
}

/** A task as LE accepts it: due at once, sent by nobody yet. */
export function sampleTask(
  changed: { spec?: Partial<TaskSpec>; life?: Partial<TaskLife> } & Partial<
    Pick<TaskRecord, 'input' | 'output'>
  > = {},
): TaskRecord {
  const createdAt = changed.spec?.createdAt ?? noon;
  return {
    spec: {
      id: newId(),
      type: 'probe-http',
      region: 'active',
      priority: 5,
      labels: {},
      requires: {},
      timeoutMs: 60_000,
      queueTimeoutMs: 300_000,
      totalTimeoutMs: 900_000,
      retry: { max_attempts: 5, initial_ms: 1_000, factor: 2, cap_ms: 100_000 },
      createdAt,
      runAt: null,
      deadline: null,
      principal: 'anonymous',
      idempotencyKey: null,
      traceparent: null,
      ...changed.spec,
    },
    life: {
      state: 'accepted',
      revision: 1,
      reason: null,
      dueAt: createdAt,
      clockAt: createdAt + 300_000,
      attempt: 0,
      dispatchNo: 0,
      settledNo: 0,
      earlierNo: 0,
      crashes: 0,
      placement: null,
      weeId: null,
      cancelRequested: false,
      announced: false,
      error: null,
      expiresAt: createdAt + 900_000,
      readyAt: createdAt,
      queuedAt: null,
      startedAt: null,
      finishedAt: null,
      ...changed.life,
    },
    input: changed.input ?? { url: 'https://example.org/' },
    output: changed.output ?? null,
  };
}

export function sampleTasks(count: number, changed: Parameters<typeof sampleTask>[0] = {}): TaskRecord[] {
  return Array.from({ length: count }, () => sampleTask(changed));
}

/** The next change of a task's life. */
export function change(task: TaskControl, life: Partial<TaskLife>): TaskChange {
  return { id: task.spec.id, life: { ...task.life, ...life, revision: task.life.revision + 1 } };
}

/** The change that ends a task well. */
export function success(task: TaskControl, life: Partial<TaskLife> = {}): TaskChange {
  return change(task, { state: 'succeeded', dueAt: null, clockAt: null, announced: true, ...life });
}

export function ids(tasks: readonly TaskControl[]): string[] {
  return tasks.map((task) => task.spec.id);
}
