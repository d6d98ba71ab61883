import type { ServerResponse } from 'node:http';
import {
  createUuidV7,
  defaults,
  isTerminal,
  type Submission,
  type SubmissionInput,
  submissionSchema,
  type Task,
  timestamp,
} from '@tenma/protocol';
import { createFakeStreams } from './fake-streams.ts';

/** What becomes of a task when it is accepted. */
export type Outcome = (task: Task) => Partial<Task> | undefined;

/** The tasks of a fake LE, and who waits for them. */
export interface FakeTasks {
  readonly all: ReadonlyMap<string, Task>;
  accept(submission: SubmissionInput): Task;
  change(id: string, patch: Partial<Task>): Task;
  /** Calls back once, when the task has ended; the function returned takes that back. */
  onEnd(id: string, callback: (task: Task) => void): () => void;
  /** Writes the task's events to the answer until its end. */
  stream(task: Task, lastSeen: number, response: ServerResponse): void;
  progress(id: string, progress: number): void;
  breakStreams(): void;
}

export function createFakeTasks(outcome: Outcome | undefined): FakeTasks {
  const tasks = new Map<string, Task>();
  const byKey = new Map<string, string>();
  const streams = createFakeStreams();
  const watchers = new Set<(task: Task) => void>();
  const newId = createUuidV7(Date.now, (bytes) => crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>));
  const taskOf = (id: string) => {
    const task = tasks.get(id);
    if (task === undefined) throw new Error(`The fake knows no task ${id}`);
    return task;
  };

  function change(id: string, patch: Partial<Task>): Task {
    const before = taskOf(id);
    const task = { ...before, ...patch, revision: before.revision + 1 };
    if (isTerminal(task.state)) task.finished_at ??= timestamp(Date.now());
    tasks.set(id, task);
    for (const watcher of watchers) watcher(task);
    streams.announce(task);
    return task;
  }

  return {
    all: tasks,
    change,
    accept(item) {
      const submission = submissionSchema.parse(item);
      const key = submission.idempotency_key;
      const known = key === undefined ? undefined : byKey.get(key);
      if (known !== undefined) return taskOf(known);
      const task = newTask(newId(), submission);
      tasks.set(task.id, task);
      if (key !== undefined) byKey.set(key, task.id);
      const patch = outcome?.(task);
      if (patch !== undefined) setImmediate(() => change(task.id, patch));
      return task;
    },
    onEnd(id, callback) {
      const watcher = (task: Task) => {
        if (task.id !== id || !isTerminal(task.state)) return;
        watchers.delete(watcher);
        callback(task);
      };
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    stream: (task, lastSeen, response) => streams.open(task, lastSeen, response),
    progress: (id, progress) => streams.progress(taskOf(id), progress, newId()),
    breakStreams: () => streams.break(),
  };
}

function newTask(id: string, { type, region, priority, ...submission }: Submission): Task {
  return {
    id,
    type,
    state: 'accepted',
    reason: null,
    region,
    priority,
    labels: submission.labels ?? {},
    requires: submission.requires ?? {},
    input: submission.input ?? {},
    output: null,
    output_ref: null,
    near: submission.near ?? null,
    limit: submission.limit ?? null,
    error: null,
    placement: null,
    worker: null,
    attempt: 0,
    max_attempts: 5,
    timeout_ms: submission.timeout_ms ?? defaults.attemptTimeoutMs,
    cancel_requested: false,
    idempotency_key: submission.idempotency_key ?? null,
    created_at: timestamp(Date.now()),
    run_at: submission.run_at ?? null,
    queued_at: null,
    started_at: null,
    finished_at: null,
    next_attempt_at: null,
    expires_at: timestamp(Date.now() + (submission.total_timeout_ms ?? defaults.totalTimeoutMs)),
    revision: 1,
    links: { self: `/api/v1/tasks/${id}`, events: `/api/v1/tasks/${id}/events`, topic: null },
  };
}
