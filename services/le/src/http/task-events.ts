import {
  type CloudEvent,
  cloudEvent,
  isTerminal,
  resultEvent,
  type TaskStateChange,
  topics,
} from '@tenma/protocol';
import type { Results } from '@tenma/results';
import { type Clock, every, type Log } from '@tenma/runtime';
import type { Store, TaskRecord } from '@tenma/store';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { endOf, resultView, topicRegion } from '../view.ts';
import type { TaskWatch } from '../watch.ts';
import { openEventStream } from './event-stream.ts';

interface Components {
  readonly store: Store;
  readonly watch: TaskWatch;
  readonly results: Results;
  readonly clock: Clock;
  readonly log: Log;
  readonly leId: string;
  readonly closing: AbortSignal;
}

const heartbeatMs = 15_000;

/**
 * Server-sent events of one task: its state now, every later state, and progress while somebody runs it; ends after the
 * final state. `id` is the record's revision: a client that comes back with Last-Event-ID is told only what is newer.
 * With each heartbeat the store is read, in case a change was not heard of or could not be read.
 */
export async function streamTaskEvents(
  components: Components,
  taskId: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { store, watch, results, clock, log, leId, closing } = components;
  const source = `/le/${leId}`;
  let lastRevision = Number(request.headers['last-event-id'] ?? 0) || 0;
  reply.hijack();
  await using open = new AsyncDisposableStack();
  const stream = open.use(openEventStream(reply.raw, closing));

  const show = (record: TaskRecord | null): void => {
    if (record && record.life.revision > lastRevision) {
      lastRevision = record.life.revision;
      stream.send(stateEvent(record, source, clock.now()), lastRevision);
    }
    if (!record || isTerminal(record.life.state)) stream.end();
  };
  const read = (): void => {
    store
      .get(taskId)
      .then(show)
      .catch((error: unknown) => log.debug({ err: error, taskId }, 'a task was not read for its events'));
  };
  open.use(watch.on(taskId, read));
  open.use(
    every(clock, heartbeatMs, () => {
      stream.heartbeat();
      read();
    }),
  );
  read();
  open.use(
    await results.subscribe(topics.progress('+', '+', taskId), ({ payload }) => {
      if (payload !== null) stream.offer(payload as CloudEvent<unknown>);
    }),
  );
  await stream.over;
}

function stateEvent(record: TaskRecord, source: string, at: number): CloudEvent<unknown> {
  const { spec, life } = record;
  if (isTerminal(life.state)) return resultEvent(source, resultView(record), endOf(record));
  const { attempt, revision, state, reason } = life;
  const { id: task_id, type } = spec;
  const data: TaskStateChange = {
    task_id,
    type,
    region: topicRegion(life),
    state,
    attempt,
    revision,
    reason,
  };
  return cloudEvent({
    id: `${task_id}/${revision}`,
    source,
    name: `task.${state}`,
    subject: task_id,
    at,
    data,
  });
}
