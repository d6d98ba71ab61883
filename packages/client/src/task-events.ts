import {
  type CloudEvent,
  cloudEvent,
  cloudEventSchema,
  isTerminal,
  type Json,
  progressSchema,
  resultSchema,
  stateChangeSchema,
  type Task,
  type TaskProgress,
  type TaskResult,
  type TaskStateChange,
  unplacedRegion,
} from '@tenma/protocol';
import { z } from 'zod';
import { BadResponseError, TenmaError, UnreachableError } from './errors.ts';
import { isOutage } from './http.ts';
import { backoffMs, type ClientClock, linkSignals, type LinkedSignal } from './patience.ts';
import { createEventParser, type ServerSentEvent } from './sse.ts';
import type { Transport } from './transport.ts';

/** What happens to a task, told apart by `kind`. `result` is the last of them. */
export type TaskEvent =
  | ({ kind: 'state' } & CloudEvent<TaskStateChange>)
  | ({ kind: 'progress' } & CloudEvent<TaskProgress>)
  | ({ kind: 'result' } & CloudEvent<TaskResult>);

export interface FollowOptions {
  transport: Transport;
  clock: ClientClock;
  random: () => number;
  /** LE may be away this long before the stream ends in its error. */
  retryForMs: number;
  closing: AbortSignal;
  signal: AbortSignal | undefined;
  get: (taskId: string) => Promise<Task>;
}

/** LE sends a comment at least every 15 s; a stream silent for three of them is dead. */
const silenceMs = 45_000;

const parsedJson = z.custom<Json>();
const progressReader = cloudEventSchema(progressSchema.extend({ progress: parsedJson }));
const resultReader = cloudEventSchema(resultSchema.extend({ output: parsedJson.optional() }));
const stateReader = cloudEventSchema(stateChangeSchema);

/**
 * The events of a task from now on (LE begins with the present state), each once, to its end. A broken stream is
 * taken up again where it broke. The task is looked up when a stream ends early, so that an end is never missed.
 */
export async function* followTask(
  taskId: string,
  options: FollowOptions,
): AsyncGenerator<TaskEvent, void, undefined> {
  const { clock, random, retryForMs } = options;
  using linked = linkSignals([options.signal, options.closing]);
  let lastId: string | undefined;
  let lostAt: number | undefined;
  for (let tries = 1; ; tries += 1) {
    try {
      for await (const message of stream(taskId, lastId, options.transport, linked.signal)) {
        tries = 0;
        lostAt = undefined;
        const seen = isNotNewer(message.id, lastId);
        const event = readEvent(message);
        if (event === undefined || (event.kind === 'state' && seen)) continue;
        lastId = message.id;
        yield event;
        if (event.kind === 'result') return;
      }
      const task = await options.get(taskId);
      if (isTerminal(task.state)) return yield { kind: 'result', ...endOf(task) };
    } catch (error) {
      linked.signal.throwIfAborted();
      if (!isOutage(error)) throw error;
      lostAt ??= clock.monotonic();
      if (clock.monotonic() - lostAt >= retryForMs) throw error;
    }
    await clock.sleep(backoffMs(Math.max(1, tries), random), linked.signal);
  }
}

async function* stream(
  taskId: string,
  lastId: string | undefined,
  transport: Transport,
  signal: AbortSignal,
): AsyncGenerator<ServerSentEvent, void, undefined> {
  using silence = createSilenceGuard(signal);
  const headers = {
    accept: 'text/event-stream',
    ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
  };
  const path = `/api/v1/tasks/${encodeURIComponent(taskId)}/events`;
  const parse = createEventParser();
  const decoder = new TextDecoder();
  try {
    const response = await transport.open(path, headers, silence.signal);
    const type = response.headers.get('content-type') ?? '';
    if (response.body === null || !type.startsWith('text/event-stream')) {
      await response.body?.cancel();
      throw new BadResponseError(
        `The server answered ${type || 'nothing'} instead of events`,
        response.status,
      );
    }
    for await (const chunk of response.body) {
      silence.heard();
      yield* parse(decoder.decode(chunk, { stream: true }));
    }
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof TenmaError) throw cause;
    throw new UnreachableError('The stream of events broke', cause);
  }
}

/** Ends a request from which nothing has come for a while. */
function createSilenceGuard(signal: AbortSignal): Disposable & { signal: AbortSignal; heard: () => void } {
  const silence = new AbortController();
  const linked: LinkedSignal = linkSignals([signal, silence.signal]);
  const arm = () =>
    setTimeout(() => silence.abort(new DOMException('The stream fell silent', 'TimeoutError')), silenceMs);
  let timer = arm();
  return {
    signal: linked.signal,
    heard() {
      clearTimeout(timer);
      timer = arm();
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      linked[Symbol.dispose]();
    },
  };
}

/** The typed event; undefined for a kind that this client does not know. */
function readEvent(message: ServerSentEvent): TaskEvent | undefined {
  const name = /^tenma\.task\.([a-z_]+)\.v1$/.exec(message.event)?.[1];
  if (name === undefined) return undefined;
  try {
    const data: unknown = JSON.parse(message.data);
    if (name === 'progress') return { kind: 'progress', ...progressReader.parse(data) };
    if (endNames.includes(name)) return { kind: 'result', ...resultReader.parse(data) };
    return { kind: 'state', ...stateReader.parse(data) };
  } catch (cause) {
    throw new BadResponseError(`The event ${message.event} has an unknown shape`, 200, cause);
  }
}

const endNames: readonly string[] = [
  'succeeded',
  'failed',
  'cancelled',
  'expired',
] satisfies TaskResult['state'][];

function isNotNewer(id: string | undefined, than: string | undefined): boolean {
  return id !== undefined && than !== undefined && Number(id) <= Number(than);
}

/** The end of a task whose announcement this client did not hear. */
function endOf(task: Task): CloudEvent<TaskResult> {
  const { state, error, output_ref } = task;
  if (!isTerminal(state)) throw new TypeError(`Task ${task.id} has not ended`);
  const finishedAt = task.finished_at ?? task.created_at;
  return cloudEvent({
    id: `${task.id}/${task.revision}/${state}`,
    source: 'tenma-client',
    name: `task.${state}`,
    subject: task.id,
    at: Date.parse(finishedAt),
    data: {
      task_id: task.id,
      type: task.type,
      region: task.placement?.region ?? unplacedRegion,
      state,
      attempt: task.attempt,
      revision: task.revision,
      worker: task.worker,
      started_at: task.started_at,
      finished_at: finishedAt,
      ...(state === 'succeeded' && !output_ref ? { output: task.output } : {}),
      ...(output_ref ? { output_ref } : {}),
      ...(error === null ? {} : { error }),
    },
  });
}
