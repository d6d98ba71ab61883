import type { ServerResponse } from 'node:http';
import { cloudEvent, isTerminal, resultEvent, type Task, type TaskResult, timestamp } from '@tenma/protocol';

/** The streams of events that a fake LE has open. */
export interface FakeStreams {
  /** Begins with the present state, unless that was seen. */
  open(task: Task, lastSeen: number, response: ServerResponse): void;
  announce(task: Task): void;
  progress(task: Task, progress: number, eventId: string): void;
  break(): void;
}

export function createFakeStreams(): FakeStreams {
  const open = new Map<ServerResponse, string>();
  const of = (id: string) => [...open].filter(([, other]) => other === id).map(([response]) => response);
  return {
    open(task, lastSeen, response) {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': here\n\n');
      open.set(response, task.id);
      response.on('close', () => open.delete(response));
      if (lastSeen < task.revision) announce(response, task);
    },
    announce(task) {
      for (const response of of(task.id)) announce(response, task);
    },
    progress({ id, type, attempt }, progress, eventId) {
      const data = { task_id: id, type, region: 'test', attempt, sequence: 1, progress };
      const parts = { id: eventId, source: 'fake', name: 'task.progress', subject: id, at: Date.now(), data };
      for (const response of of(id)) write(response, undefined, cloudEvent(parts));
    },
    break() {
      for (const response of open.keys()) response.destroy();
    },
  };
}

function announce(response: ServerResponse, task: Task): void {
  const { id, type, state, attempt, revision, reason } = task;
  const about = { task_id: id, type, region: 'test', attempt, revision };
  if (!isTerminal(state)) {
    const parts = {
      id: `${id}/${revision}`,
      source: 'fake',
      name: `task.${state}`,
      subject: id,
      at: Date.now(),
    };
    write(response, revision, cloudEvent({ ...parts, data: { ...about, state, reason } }));
    return;
  }
  const outcome = task.error === null ? outputOf(task) : { error: task.error };
  const end = { worker: task.worker, started_at: null, finished_at: timestamp(Date.now()), state };
  write(
    response,
    revision,
    resultEvent('fake', { ...about, ...end, ...outcome }, { dispatchNo: revision, at: Date.now() }),
  );
  response.end();
}

function outputOf({ output, output_ref }: Task): Pick<Partial<TaskResult>, 'output' | 'output_ref'> {
  return output_ref ? { output_ref } : { output };
}

function write(response: ServerResponse, id: number | undefined, event: { type: string }): void {
  const idLine = id === undefined ? '' : `id: ${id}\n`;
  response.write(`${idLine}event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
}
