import {
  type CloudEvent,
  cloudEvent,
  isTerminal,
  resultEvent,
  type TaskStateChange,
  topics,
} from '@tenma/protocol';
import type { Results } from '@tenma/results';
import { type Clock, every } from '@tenma/runtime';
import type { Store, TaskRecord } from '@tenma/store';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { endOf, resultView, topicRegion } from '../view.ts';
import type { TaskWatch } from '../watch.ts';

interface Components {
  readonly store: Store;
  readonly watch: TaskWatch;
  readonly results: Results;
  readonly clock: Clock;
  readonly leId: string;
}

const heartbeatMs = 15_000;

/**
 * Server-sent events of one task: its state now, every later state, and progress while somebody runs it; ends after the
 * final state. `id` is the record's revision: a client that comes back with Last-Event-ID is told only what is newer.
 */
export async function streamTaskEvents(
  components: Components,
  taskId: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { store, watch, results, clock, leId } = components;
  const source = `/le/${leId}`;
  let lastRevision = Number(request.headers['last-event-id'] ?? 0) || 0;
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  raw.write('retry: 2000\n\n');

  await using open = new AsyncDisposableStack();
  const closed = new Promise<void>((resolve) => {
    raw.once('close', resolve);
    const show = (record: TaskRecord | null): void => {
      if (!record) return;
      if (record.life.revision > lastRevision) {
        lastRevision = record.life.revision;
        write(raw, stateEvent(record, source, clock.now()), lastRevision);
      }
      if (isTerminal(record.life.state)) raw.end();
    };
    const read = () => void store.get(taskId).then(show, () => raw.end());
    open.use(watch.on(taskId, read));
    open.use(every(clock, heartbeatMs, () => void raw.write(': still here\n\n')));
    read();
  });
  const progress = await results.subscribe(topics.progress('+', '+', taskId), ({ payload }) => {
    if (payload !== null) write(raw, payload as CloudEvent<unknown>, null);
  });
  open.use(progress);
  await closed;
}

function write(raw: FastifyReply['raw'], event: CloudEvent<unknown>, revision: number | null): void {
  if (raw.writableEnded) return;
  const id = revision === null ? '' : `id: ${revision}\n`;
  raw.write(`${id}event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
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
