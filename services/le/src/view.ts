import {
  type AcceptedTask,
  isTerminal,
  type Json,
  type Task,
  type TaskResult,
  type TerminalState,
  timestamp,
  topics,
  unplacedRegion,
} from '@tenma/protocol';
import { startBy } from './lifecycle/index.ts';
import type { TaskControl, TaskLife, TaskRecord } from '@tenma/store';

/** A task as the API shows it. */
export function taskView({ spec, life, input, output }: TaskRecord): Task {
  return {
    id: spec.id,
    type: spec.type,
    state: life.state,
    reason: life.reason,
    region: spec.region,
    priority: spec.priority,
    labels: { ...spec.labels },
    requires: spec.requires,
    input,
    output,
    output_ref: life.outputRef ?? null,
    error: life.error,
    placement: life.placement,
    worker: life.weeId,
    worker_version: life.workerVersion ?? null,
    near: spec.near ?? null,
    limit: spec.limit ?? null,
    attempt: life.attempt,
    max_attempts: spec.retry.max_attempts,
    timeout_ms: spec.timeoutMs,
    cancel_requested: life.cancelRequested,
    idempotency_key: spec.idempotencyKey,
    created_at: timestamp(spec.createdAt),
    run_at: at(spec.runAt),
    queued_at: at(life.queuedAt),
    started_at: at(life.startedAt),
    finished_at: at(life.finishedAt),
    next_attempt_at: life.state === 'retrying' || life.state === 'scheduled' ? at(life.dueAt) : null,
    expires_at: isTerminal(life.state) ? null : at(startBy({ spec, life })),
    revision: life.revision,
    links: {
      ...linksOf(spec.id),
      topic: life.placement ? topics.result(life.placement.region, spec.type, spec.id) : null,
    },
  };
}

export function acceptedView({ spec, life }: TaskControl): AcceptedTask {
  return {
    id: spec.id,
    state: life.state,
    type: spec.type,
    region: spec.region,
    created_at: timestamp(spec.createdAt),
    links: linksOf(spec.id),
  };
}

/** How an ended task ended, as it is announced. */
export function resultView({ spec, life, output }: TaskRecord): TaskResult {
  return {
    task_id: spec.id,
    type: spec.type,
    region: topicRegion(life),
    state: life.state as TerminalState,
    attempt: life.attempt,
    revision: life.revision,
    ...(life.state === 'succeeded' ? outputOf(life, output) : {}),
    ...(life.error === null ? {} : { error: life.error }),
    worker: life.weeId,
    started_at: at(life.startedAt),
    finished_at: timestamp(life.finishedAt ?? spec.createdAt),
  };
}

function outputOf({ outputRef }: TaskLife, output: Json | null): Pick<TaskResult, 'output' | 'output_ref'> {
  return outputRef === undefined ? { output } : { output_ref: outputRef };
}

/** Which dispatch the end is counted to, and when it was. */
export function endOf({ spec, life }: TaskControl): { dispatchNo: number; at: number } {
  return { dispatchNo: life.dispatchNo, at: life.finishedAt ?? spec.createdAt };
}

/** The region level of the task's topics. */
export function topicRegion(life: TaskLife): string {
  return life.placement?.region ?? unplacedRegion;
}

export function linksOf(id: string): { self: string; events: string } {
  return { self: `/api/v1/tasks/${id}`, events: `/api/v1/tasks/${id}/events` };
}

function at(epochMs: number | null): string | null {
  return epochMs === null ? null : timestamp(epochMs);
}
