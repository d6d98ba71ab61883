import { freePort, type ServiceProcess, startService, temporaryFolder, until } from '@tenma/test-support';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** The API of everything in one process, with the workers for tests. */
const parts = new AsyncDisposableStack();
let api = '';
let service: ServiceProcess;

beforeAll(async () => {
  const folder = parts.use(await temporaryFolder());
  const port = await freePort();
  api = `http://127.0.0.1:${port}`;
  service = parts.use(
    startService('dev', 'services/dev/src/main.ts', {
      TENMA_HTTP_PORT: String(port),
      TENMA_MQTT_PORT: '0',
      TENMA_STORE_URL: `sqlite:${folder.path}/tenma.db`,
      TENMA_WORKERS: '@tenma/workers,@tenma/workers/testing',
    }),
  );
  await until(() => service.output().includes('Check '), { timeoutMs: 50_000, what: 'the self-check' });
});
afterAll(() => parts.disposeAsync());

interface Answer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${api}${path}`, {
    method,
    headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}

const submit = (task: unknown, headers?: Record<string, string>) =>
  call('POST', '/api/v1/tasks', task, headers);
const run = (task: unknown) => submit(task, { prefer: 'wait=20' });

describe('a task over HTTP', () => {
  it('answers 202 with its address at once, and can be read right after', async () => {
    const { status, headers, body } = await submit({ type: 'echo', input: { a: 1 } });
    expect(status).toBe(202);
    expect(headers.get('location')).toBe(`/api/v1/tasks/${String(body['id'])}`);
    const read = await call('GET', `/api/v1/tasks/${String(body['id'])}`);
    expect(read.body).toMatchObject({ id: body['id'], type: 'echo', input: { a: 1 } });
  });

  it('answers 200 with the ended task to a caller who waits', async () => {
    const { status, headers, body } = await run({ type: 'probe-http', input: { url: `${api}/healthz` } });
    expect(status).toBe(200);
    expect(headers.get('preference-applied')).toBe('wait=20');
    expect(body).toMatchObject({
      state: 'succeeded',
      output: { verdict: 'up', status: 200 },
      placement: { region: 'ap-northeast-1', pool: 'probe-http-v1' },
      attempt: 1,
    });
    for (const field of ['created_at', 'queued_at', 'started_at', 'finished_at']) {
      expect(body[field]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    }
  });

  it('succeeds with the verdict down for a target that refuses connections', async () => {
    const url = `http://127.0.0.1:${await freePort()}/`;
    const { body } = await run({ type: 'probe-http', input: { url } });
    expect(body).toMatchObject({
      state: 'succeeded',
      output: { verdict: 'down', reason: 'connection_refused' },
    });
  });

  it('answers 202 when the patience of the caller ends first', async () => {
    const { status } = await submit({ type: 'sleep', input: { ms: 1_500 } }, { prefer: 'wait=1' });
    expect(status).toBe(202);
  });

  it('fails for good after its last attempt, with the error of the worker', async () => {
    const retry = { max_attempts: 2, initial_ms: 1 };
    const { body } = await run({ type: 'throw', input: { message: 'broken' }, retry });
    expect(body).toMatchObject({
      state: 'failed',
      attempt: 2,
      error: { code: 'worker_error', message: 'broken' },
    });
  });

  // Every crash costs the start of fresh processes, which a busy machine makes slow.
  it('ends as failed when its worker kills the process, and the neighbours are unharmed', {
    timeout: 30_000,
  }, async () => {
    const neighbours = Promise.all([1, 2, 3, 4].map(() => run({ type: 'sleep', input: { ms: 500 } })));
    const { body } = await run({ type: 'crash', input: {}, retry: { initial_ms: 1, cap_ms: 1 } });
    expect(body).toMatchObject({ state: 'failed', attempt: 3, error: { code: 'worker_crashed' } });
    for (const { body: neighbour } of await neighbours) {
      expect(neighbour).toMatchObject({ state: 'succeeded', attempt: 1 });
    }
  });

  it('runs at its time and not before', async () => {
    const runAt = Date.now() + 700;
    const { body } = await run({ type: 'echo', run_at: new Date(runAt).toISOString() });
    expect(body['state']).toBe('succeeded');
    expect(Date.parse(String(body['started_at']))).toBeGreaterThanOrEqual(runAt);
  });

  it('waits with the reason when no worker fits, and expires with it', async () => {
    const { body } = await run({ type: 'echo', requires: { labels: ['gpu'] }, queue_timeout_ms: 3_000 });
    expect(body).toMatchObject({ state: 'expired', error: { code: 'queue_timeout' } });
    expect(String((body['error'] as { message: string }).message)).toContain('lacks label gpu');
  });
});

describe('cancel and retry', () => {
  it('stop a running task, and begin it anew', async () => {
    const { body } = await submit({ type: 'sleep', input: { ms: 60_000 } });
    const path = `/api/v1/tasks/${String(body['id'])}`;
    const state = async () => (await call('GET', path)).body['state'];
    await until(async () => (await state()) === 'running', { what: 'the task running' });
    expect((await call('POST', `${path}/cancel`)).body['cancel_requested']).toBe(true);
    await until(async () => (await state()) === 'cancelled', { what: 'the task being cancelled' });
    expect((await call('POST', `${path}/retry`)).body['state']).toBe('accepted');
    await until(async () => (await state()) === 'running', { what: 'the task running again' });
    await call('POST', `${path}/cancel`);
    await until(async () => (await state()) === 'cancelled', { what: 'the task being cancelled again' });
  });

  it('answer 409 for a task whose state does not allow it', async () => {
    const { body } = await run({ type: 'echo' });
    for (const verb of ['cancel', 'retry']) {
      const answer = await call('POST', `/api/v1/tasks/${String(body['id'])}/${verb}`);
      expect(answer.status).toBe(409);
      expect(answer.body['code']).toBe('invalid_state');
    }
  });
});

describe('a batch', () => {
  it('judges each item on its own and answers in order', async () => {
    const tasks = [
      { type: 'echo', input: 1 },
      { type: 'nope' },
      { type: 'sleep', input: {} },
      { type: 'echo', input: 2 },
    ];
    const { status, body } = await call('POST', '/api/v1/tasks/batch', { tasks });
    expect(status).toBe(202);
    expect(body['tasks']).toMatchObject([
      { type: 'echo' },
      { error: { code: 'unknown_type', status: 404 } },
      { error: { code: 'invalid_input', errors: [{ pointer: '#/input/ms' }] } },
      { type: 'echo' },
    ]);
  });

  it('takes a thousand tasks and no more', async () => {
    const tasks = (count: number) => Array.from({ length: count }, (_, n) => ({ type: 'echo', input: n }));
    const full = await call('POST', '/api/v1/tasks/batch', { tasks: tasks(1_000) });
    expect((full.body['tasks'] as unknown[]).length).toBe(1_000);
    const over = await call('POST', '/api/v1/tasks/batch', { tasks: tasks(1_001) });
    expect(over).toMatchObject({ status: 422, body: { errors: [{ pointer: '#/tasks' }] } });
  });
});

describe('an idempotency key', () => {
  it('gives the same task for the same body, in the header or in the item, and 409 for another body', async () => {
    const key = { 'idempotency-key': 'deploy-4711' };
    const first = await submit({ type: 'echo', input: { a: 1, b: 2 } }, key);
    const again = await submit({ type: 'echo', input: { b: 2, a: 1 } }, key);
    expect(again.body['id']).toBe(first.body['id']);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    const item = { type: 'echo', input: { a: 1, b: 2 }, idempotency_key: 'deploy-4711' };
    const { body } = await call('POST', '/api/v1/tasks/batch', { tasks: [item, item] });
    const ids = (body['tasks'] as { id: string }[]).map(({ id }) => id);
    expect(ids).toEqual([first.body['id'], first.body['id']]);
    const other = await submit({ type: 'echo', input: { a: 2 } }, key);
    expect(other).toMatchObject({ status: 409, body: { code: 'idempotency_conflict' } });
  });
});

const bigInput = JSON.stringify({ type: 'echo', input: 'x'.repeat(300_000) });
const unknownId = '/api/v1/tasks/01990b4c-6f2a-7cc3-9d5e-0f6d2f1a7b10';

describe('bad input', () => {
  it.each([
    ['an unknown type', 'POST', '/api/v1/tasks', { type: 'nope' }, 404, 'unknown_type'],
    [
      'an input against the schema',
      'POST',
      '/api/v1/tasks',
      { type: 'sleep', input: { ms: 'x' } },
      422,
      'invalid_input',
    ],
    [
      'a field nobody knows',
      'POST',
      '/api/v1/tasks',
      { type: 'echo', colour: 'red' },
      422,
      'invalid_request',
    ],
    [
      'a number out of range',
      'POST',
      '/api/v1/tasks',
      { type: 'echo', priority: 11 },
      422,
      'invalid_request',
    ],
    ['a missing field', 'POST', '/api/v1/tasks', {}, 422, 'invalid_request'],
    [
      'a deadline that has passed',
      'POST',
      '/api/v1/tasks',
      { type: 'echo', deadline: '2020-01-01T00:00:00Z' },
      422,
      'invalid_request',
    ],
    ['a type to list that is none', 'GET', '/api/v1/tasks?type=%00', undefined, 422, 'invalid_request'],
    ['a region to list that is none', 'GET', '/api/v1/tasks?region=%00', undefined, 422, 'invalid_request'],
    ['a label to list that is none', 'GET', '/api/v1/tasks?label=a:%00', undefined, 422, 'invalid_request'],
    ['malformed JSON', 'POST', '/api/v1/tasks', '{"type":', 400, 'invalid_json'],
    ['more than 256 KiB', 'POST', '/api/v1/tasks', bigInput, 413, 'too_large'],
    ['an unknown id', 'GET', unknownId, undefined, 404, 'unknown_task'],
    ['an id that is none', 'GET', '/api/v1/tasks/nonsense', undefined, 404, 'unknown_task'],
    ['cancelling an unknown id', 'POST', `${unknownId}/cancel`, undefined, 404, 'unknown_task'],
    ['a filter that is none', 'GET', '/api/v1/tasks?state=nonsense', undefined, 422, 'invalid_request'],
    [
      'a page token that is none',
      'GET',
      '/api/v1/tasks?page_token=nonsense',
      undefined,
      422,
      'invalid_request',
    ],
    ['an unknown address', 'GET', '/api/v2/tasks', undefined, 404, 'not_found'],
  ])('%s gets a problem that says so', async (_, method, path, body, status, code) => {
    const answer = await call(method, path, body);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer).toMatchObject({ status, body: { status, code } });
    expect(String(answer.body['hint']).length).toBeGreaterThan(10);
  });

  it('names the known types when one is unknown', async () => {
    const { body } = await submit({ type: 'nope' });
    expect(String(body['hint'])).toContain('probe-http');
  });

  it('points at every fault of an input', async () => {
    const { body } = await submit({ type: 'probe-http', input: { url: 5, colour: 'red' } });
    const pointers = (body['errors'] as { pointer: string }[]).map(({ pointer }) => pointer);
    expect(pointers.sort()).toEqual(['#/input/colour', '#/input/url']);
  });

  it('says where the reading of a body stopped', async () => {
    const { body } = await submit('{"type":"echo",,}');
    expect(body['errors']).toMatchObject([
      { pointer: '#', detail: expect.stringContaining('position 15') as unknown },
    ]);
  });

  it('needs a content type', async () => {
    const response = await fetch(`${api}/api/v1/tasks`, { method: 'POST', body: '{"type":"echo"}' });
    expect(response.status).toBe(415);
  });
});

describe('listing', () => {
  it('pages through everything once, newest first, and filters by labels and state', async () => {
    const labels = { suite: 'listing' };
    const tasks = Array.from({ length: 25 }, (_, n) => ({ type: 'echo', input: n, labels }));
    await call('POST', '/api/v1/tasks/batch', { tasks });
    const seen: unknown[] = [];
    for (let token: string | null = ''; token !== null; ) {
      const page: Answer = await call(
        'GET',
        `/api/v1/tasks?label=suite:listing&page_size=10&page_token=${token ?? ''}`,
      );
      seen.push(...(page.body['items'] as { input: number }[]).map(({ input }) => input));
      token = page.body['next_page_token'] as string | null;
    }
    expect(seen).toEqual(Array.from({ length: 25 }, (_, n) => 24 - n));
    const none = await call('GET', '/api/v1/tasks?label=suite:listing&state=failed');
    expect(none.body).toEqual({ items: [], next_page_token: null });
  });
});

describe('events', () => {
  it('tell every state to the end, and only what is newer to one who comes back', async () => {
    const { body } = await submit({ type: 'sleep', input: { ms: 60_000 } });
    const task = `/api/v1/tasks/${String(body['id'])}`;
    const path = `${api}${task}/events`;
    let text = '';
    let told = false;
    for await (const chunk of (await fetch(path)).body ?? []) {
      text += Buffer.from(chunk).toString();
      if (told || !text.includes('event: tenma.task.running.v1')) continue;
      told = true;
      await call('POST', `${task}/cancel`);
    }
    const types = [...text.matchAll(/^event: (.*)$/gm)].map(([, type]) => type);
    expect(types.at(-1)).toBe('tenma.task.cancelled.v1');
    const ids = [...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => Number(id));
    const late = await (await fetch(path, { headers: { 'last-event-id': String(ids.at(-2)) } })).text();
    expect([...late.matchAll(/^event: (.*)$/gm)].map(([, type]) => type)).toEqual([
      'tenma.task.cancelled.v1',
    ]);
  });
});

describe('what is there', () => {
  it('shows types with schemas, workers, pools, readiness, metrics and OpenAPI 3.1', async () => {
    const types = (await call('GET', '/api/v1/task-types')).body['items'] as {
      type: string;
      input_schema: object;
    }[];
    expect(types.find(({ type }) => type === 'probe-http')?.input_schema).toHaveProperty('properties.url');
    expect((await call('GET', '/api/v1/workers')).body['items']).toMatchObject([{ status: 'online' }]);
    expect((await call('GET', '/readyz')).body['status']).toBe('ready');
    type Pool = { pool: string; queued: number; slots: number };
    const echoes = async () =>
      ((await call('GET', '/api/v1/pools')).body['items'] as Pool[]).find(({ pool }) => pool === 'echo-v1');
    await until(async () => (await echoes())?.queued === 0, { what: 'the echoes of the tests before' });
    expect(await echoes()).toMatchObject({ slots: 200 });
    const openapi = (await call('GET', '/openapi.json')).body;
    expect(openapi['openapi']).toBe('3.1.0');
    expect(Object.keys(openapi['paths'] as object)).toContain('/api/v1/tasks/{id}/events');
    await run({ type: 'echo' });
    const metrics = await (await fetch(`${api}/metrics`)).text();
    expect(metrics).toMatch(/tenma_tasks_finished_total\{type="echo",state="succeeded"\} \d+/);
  });
});
