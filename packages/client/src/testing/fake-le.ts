import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  isTerminal,
  type Policy,
  problem,
  type Schedule,
  type SubmissionInput,
  submissionSchema,
  type Task,
  type TaskExplanation,
} from '@tenma/protocol';
import { createFakeBlobs, type FakeBlobs } from './fake-blobs.ts';
import type { FakeCollection } from './fake-collection.ts';
import { answerGeo } from './fake-geo-answers.ts';
import { createFakeGeo, type FakeGeo, type FakeGeoOptions } from './fake-geo.ts';
import { createFakePolicies, createFakeSchedules } from './fake-registries.ts';
import { createFakeReleases, type FakeReleases } from './fake-releases.ts';
import { createFakeTasks, type FakeTasks, type Outcome } from './fake-tasks.ts';
import { readRequest, type RecordedRequest, sendJson, sendProblem } from './replies.ts';

/** Answers a request in LE's place, or returns false to leave it to the fake. */
export type Scene = (request: RecordedRequest, response: ServerResponse) => boolean;

/** A peer that speaks LE's HTTP and nothing else, for tests of what talks to LE. It runs no task by itself. */
export interface FakeLe extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly RecordedRequest[];
  readonly tasks: ReadonlyMap<string, Task>;
  readonly geo: FakeGeo;
  readonly schedules: FakeCollection<Schedule>;
  readonly policies: FakeCollection<Policy>;
  readonly releases: FakeReleases;
  readonly blobs: FakeBlobs;
  /** Looks at every request first, until the function that is returned is called. */
  play(scene: Scene): () => void;
  /** Resolves with the next request, from now on, that fits. */
  next(fits: (request: RecordedRequest) => boolean): Promise<RecordedRequest>;
  /** Writes a task down as if it had been submitted. */
  add(submission: SubmissionInput): Task;
  /** Changes a task, and tells who waits for it. */
  change(id: string, patch: Partial<Task>): Task;
  progress(id: string, progress: number): void;
  /** Ends the open streams of events in mid-air. */
  breakStreams(): void;
}

export interface FakeLeOptions {
  /** What becomes of a task when it is accepted; nothing by default. */
  run?: Outcome;
  /** What `GET /api/v1/{task-types,workers,pools}` list, by the last part of the address. What is deleted goes. */
  lists?: Record<string, unknown[]>;
  /** The answer of `GET /readyz`; 503 unless its status is `ready`. */
  readiness?: { status: string; checks: unknown };
  geo?: FakeGeoOptions;
}

/** What a fake LE keeps. */
interface Parts extends Pick<FakeLe, 'geo' | 'schedules' | 'policies' | 'releases' | 'blobs'> {
  readonly tasks: FakeTasks;
  readonly options: FakeLeOptions;
}

export async function startFakeLe(options: FakeLeOptions = {}): Promise<FakeLe> {
  const requests: RecordedRequest[] = [];
  const scenes: Scene[] = [];
  const listeners = new Set<(request: RecordedRequest) => void>();
  const tasks = createFakeTasks(options.run);
  const geo = createFakeGeo(options.geo ?? {});
  const schedules = createFakeSchedules();
  const policies = createFakePolicies();
  const releases = createFakeReleases();
  const blobs = createFakeBlobs();
  const parts: Parts = { tasks, geo, schedules, policies, releases, blobs, options };

  const server = createServer((incoming, response) => {
    void readRequest(incoming).then((request) => {
      requests.push(request);
      for (const listener of listeners) listener(request);
      if (!scenes.some((scene) => scene(request, response))) answer(request, response, parts);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    tasks: tasks.all,
    geo,
    schedules,
    policies,
    releases,
    blobs,
    play(scene) {
      scenes.push(scene);
      return () => scenes.splice(scenes.indexOf(scene), 1);
    },
    next: (fits) =>
      new Promise((resolve) => {
        const listener = (request: RecordedRequest) => {
          if (!fits(request)) return;
          listeners.delete(listener);
          resolve(request);
        };
        listeners.add(listener);
      }),
    add: (submission) => tasks.accept(submission),
    change: (id, patch) => tasks.change(id, patch),
    progress: (id, progress) => tasks.progress(id, progress),
    breakStreams: () => tasks.breakStreams(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function answer(request: RecordedRequest, response: ServerResponse, parts: Parts): void {
  const { tasks, geo, options } = parts;
  const url = new URL(request.path, 'http://fake');
  const query = url.searchParams;
  const [resource = '', id, verb] = url.pathname.replace(/^\/(api\/(v1\/)?)?/, '').split('/');
  if (resource === 'readyz') sendReadiness(response, options);
  else if (resource === 'geo') {
    if (!answerGeo(geo, request, url, response)) sendProblem(response, problem('not_found'));
  } else if (resource === 'schedules' || resource === 'policies')
    parts[resource].answer(request, id, query, response);
  else if (resource === 'releases') parts.releases.answer(request, id, verb, response);
  else if (resource === 'blobs') parts.blobs.answer(id ?? '', response);
  else if (resource !== 'tasks') sendList([resource, id], request, response, options);
  else if (id === 'batch')
    sendJson(response, 202, { tasks: itemsOf(request).map((item) => judge(item, tasks)) });
  else if (id === undefined) sendPage(query, response, tasks);
  else answerOne(id, verb, request, response, tasks);
}

function answerOne(
  id: string,
  verb: string | undefined,
  request: RecordedRequest,
  response: ServerResponse,
  tasks: FakeTasks,
): void {
  const task = tasks.all.get(id);
  if (task === undefined) sendProblem(response, problem('unknown_task'));
  else if (verb === 'events') tasks.stream(task, Number(request.headers['last-event-id'] ?? 0), response);
  else if (verb === 'explanation') sendJson(response, 200, explain(task));
  else if (verb === undefined) hold(task, Number(/wait=(\d+)/.exec(request.path)?.[1] ?? 0), response, tasks);
  else if (isTerminal(task.state) !== (verb === 'retry')) sendProblem(response, problem('invalid_state'));
  else
    sendJson(
      response,
      200,
      tasks.change(id, { state: verb === 'retry' ? 'accepted' : 'cancelled', error: null }),
    );
}

function explain({ id, state, reason, placement }: Task): TaskExplanation {
  const where = placement === null ? 'has no place yet' : `went to ${placement.pool}`;
  const why = reason === null ? [] : [`It is ${state}: ${reason}.`];
  const passedOver = placement?.rejected.map((other) => `${other.pool} was passed over: ${other.reason}.`);
  const summary = `Task ${id} ${where}.`;
  return { task_id: id, state, summary, lines: [...why, ...(passedOver ?? [])], placement };
}

/** Answers when the task has ended, or as it is after so many seconds. */
function hold(task: Task, seconds: number, response: ServerResponse, tasks: FakeTasks): void {
  if (seconds === 0 || isTerminal(task.state)) return void sendJson(response, 200, task);
  const timer = setTimeout(() => {
    forget();
    sendJson(response, 200, tasks.all.get(task.id));
  }, seconds * 1_000);
  const forget = tasks.onEnd(task.id, (ended) => {
    clearTimeout(timer);
    sendJson(response, 200, ended);
  });
  response.on('close', () => {
    clearTimeout(timer);
    forget();
  });
}

function sendReadiness(response: ServerResponse, options: FakeLeOptions): void {
  const ok = { ok: true, detail: '' };
  const readiness = options.readiness ?? {
    status: 'ready',
    checks: { store: ok, bus: ok, results: ok, pools: ok },
  };
  sendJson(response, readiness.status === 'ready' ? 200 : 503, readiness);
}

function sendList(
  [resource, id]: readonly [resource: string, id: string | undefined],
  { method }: RecordedRequest,
  response: ServerResponse,
  options: FakeLeOptions,
): void {
  const items = options.lists?.[resource] ?? [];
  const one = items.find((item) => (item as { type?: string }).type === id);
  if (id === undefined) sendJson(response, 200, { items });
  else if (one === undefined) sendProblem(response, problem('unknown_type'));
  else if (method === 'DELETE') {
    items.splice(items.indexOf(one), 1);
    response.writeHead(204).end();
  } else sendJson(response, 200, one);
}

/** Pages of the tasks that fit `state`, `type`, `region` and one `label`; a page token is the place to go on from. */
function sendPage(query: URLSearchParams, response: ServerResponse, tasks: FakeTasks): void {
  const [key = '', value] = query.get('label')?.split(':') ?? [];
  const fitting = [...tasks.all.values()].filter(
    (task) =>
      (query.get('state')?.split(',').includes(task.state) ?? true) &&
      (query.get('type') ?? task.type) === task.type &&
      (query.get('region') ?? task.region) === task.region &&
      (value === undefined || task.labels[key] === value),
  );
  const from = Number(query.get('page_token') ?? 0);
  const to = from + Number(query.get('page_size') ?? 50);
  const next_page_token = to < fitting.length ? String(to) : null;
  sendJson(response, 200, { items: fitting.slice(from, to), next_page_token });
}

function itemsOf(request: RecordedRequest): unknown[] {
  return (request.body as { tasks: unknown[] }).tasks;
}

/** What a batch answers for an item. */
function judge(item: unknown, tasks: FakeTasks): unknown {
  const parsed = submissionSchema.safeParse(item);
  if (parsed.success) return tasks.accept(parsed.data);
  const errors = parsed.error.issues.map((issue) => ({
    pointer: `#/${issue.path.join('/')}`,
    detail: issue.message,
  }));
  return { error: problem('invalid_request', { errors }) };
}
