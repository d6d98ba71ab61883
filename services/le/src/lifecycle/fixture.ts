import type { FinishedEvent, QueuedEvent, StartedEvent, TaskEvent } from '@tenma/protocol';
import type { TaskControl, TaskLife, TaskSpec } from '@tenma/store';
import { firstLife, sentStraight } from './accept.ts';
import { onEvent } from './on-event.ts';
import type { Moment } from './step.ts';

/** Builders for the tests of this folder. Time starts at 1,000,000. */
export const t0 = 1_000_000;
export const moment = (now: number): Moment => ({ now, random: () => 0.5 });

export function specForTest(changes: Partial<TaskSpec> = {}): TaskSpec {
  return {
    id: '01990b4c-6f2a-7cc3-9d5e-0f6d2f1a7b10',
    type: 'echo',
    region: 'any',
    priority: 5,
    labels: {},
    requires: {},
    timeoutMs: 60_000,
    queueTimeoutMs: 300_000,
    totalTimeoutMs: 900_000,
    retry: { max_attempts: 3, initial_ms: 1_000, factor: 2, cap_ms: 100_000 },
    createdAt: t0,
    runAt: null,
    deadline: null,
    principal: 'anonymous',
    idempotencyKey: null,
    traceparent: null,
    ...changes,
  };
}

const placement = { region: 'here', pool: 'echo-v1', score: 0, rejected: [] };

export const queued = (changes: Partial<QueuedEvent> = {}): QueuedEvent => ({
  kind: 'queued',
  task_id: specForTest().id,
  dispatch_no: 1,
  at: t0 + 10,
  placement,
  ...changes,
});

export const started = (changes: Partial<StartedEvent> = {}): StartedEvent => ({
  kind: 'started',
  task_id: specForTest().id,
  dispatch_no: 1,
  at: t0 + 20,
  attempt: 1,
  placement,
  queued_at: t0 + 10,
  wee_id: 'wee-1',
  region: 'here',
  ...changes,
});

export const finished = (changes: Partial<FinishedEvent> = {}): FinishedEvent => ({
  kind: 'finished',
  task_id: specForTest().id,
  dispatch_no: 1,
  at: t0 + 30,
  attempt: 1,
  placement,
  queued_at: t0 + 10,
  wee_id: 'wee-1',
  region: 'here',
  started_at: t0 + 20,
  outcome: 'succeeded',
  output: 42,
  announced: true,
  ...changes,
});

/** A task that was sent straight and to which these events happened. */
export function after(events: readonly TaskEvent[], spec: TaskSpec = specForTest()): TaskControl {
  let life: TaskLife = sentStraight(firstLife(spec, t0), t0 + 30_000);
  for (const event of events) life = onEvent({ spec, life }, event, moment(event.at))?.life ?? life;
  return { spec, life };
}
