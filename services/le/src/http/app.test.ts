import { Agent, get } from 'node:http';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { buildApp } from './app.ts';
import { createFakes, serve, taskId } from './fixture.ts';

interface Problem {
  readonly code: string;
  readonly errors?: readonly { pointer: string; detail: string }[];
}

describe('a fault behind the API', () => {
  it('is logged with its stack and where it happened, and answered with 500', async () => {
    const fakes = createFakes();
    await using app = await buildApp(fakes.components);
    const fault = new Error('a bug');
    fakes.beforeGet = () => Promise.reject(fault);
    const answer = await app.inject({ method: 'GET', url: `/api/v1/tasks/${taskId}` });
    expect(answer.statusCode).toBe(500);
    expect(answer.json<Problem>().code).toBe('internal');
    expect(fakes.logged).toEqual([
      {
        fields: { err: fault, method: 'GET', url: `/api/v1/tasks/${taskId}` },
        message: 'a request failed',
      },
    ]);
  });

  it('is not what a wrong request is', async () => {
    const fakes = createFakes();
    await using app = await buildApp(fakes.components);
    await app.inject({ method: 'GET', url: '/api/v1/tasks/nonsense' });
    expect(fakes.logged).toEqual([]);
  });
});

describe('a filter of the list', () => {
  it.each([
    ['type=%00', '#/type'],
    ['type=Not%20One', '#/type'],
    ['region=%00', '#/region'],
    ['region=eu.west', '#/region'],
    ['label=a:%00', '#/label'],
    ['label=a%0a:b', '#/label'],
    ['label=nothing', '#/label'],
    ['state=%00', '#/state'],
  ])('%s gets 422 with the place', async (query, pointer) => {
    await using app = await buildApp(createFakes().components);
    const answer = await app.inject({ method: 'GET', url: `/api/v1/tasks?${query}` });
    expect(answer.statusCode).toBe(422);
    expect(answer.json<Problem>().errors).toMatchObject([{ pointer }]);
  });

  it.each(['type=echo', 'region=any', 'region=eu-west-1', 'label=a:', 'label=a:b&label=c:%C3%A9'])(
    '%s is taken',
    async (query) => {
      await using app = await buildApp(createFakes().components);
      expect((await app.inject({ method: 'GET', url: `/api/v1/tasks?${query}` })).statusCode).toBe(200);
    },
  );
});

describe('a body that is not JSON', () => {
  it.each([
    ['{"type":"echo",,}', /position 15/],
    ['{"type":', /end of JSON input at position 8/],
    ['hello', /Unexpected token 'h'/],
    ['', /empty/],
    ['{"type":"echo","input":{"__proto__":{"a":1}}}', /__proto__/],
    ['{"type":"echo","input":{"constructor":{"prototype":1}}}', /constructor/],
  ])('%s is answered with where reading stopped', async (payload, detail) => {
    await using app = await buildApp(createFakes().components);
    const answer = await app.inject({
      method: 'POST',
      url: '/api/v1/tasks',
      headers: { 'content-type': 'application/json' },
      payload,
    });
    expect(answer.statusCode).toBe(400);
    const { code, errors } = answer.json<Problem>();
    expect(code).toBe('invalid_json');
    expect(errors).toMatchObject([{ pointer: '#', detail: expect.stringMatching(detail) as unknown }]);
  });
});

describe('closing', () => {
  it('answers those who wait, and keeps no connection for their next request', async () => {
    const fakes = createFakes();
    const served = await serve(fakes);
    using agent = Object.assign(new Agent({ keepAlive: true }), {
      [Symbol.dispose]: () => agent.destroy(),
    });
    const waiting = Promise.withResolvers<void>();
    fakes.beforeGet = () => waiting.resolve();
    const answered = once(get(`${served.url}/api/v1/tasks/${taskId}?wait=60`, { agent }), 'response');
    await waiting.promise;
    await served.app.close();
    const [answer] = (await answered) as [{ statusCode: number }];
    expect(answer.statusCode).toBe(200);
  });
});

describe('the OpenAPI document', () => {
  it('holds the schemas that its routes lead to, and no others', async () => {
    await using app = await buildApp(createFakes().components);
    const text = JSON.stringify(app.swagger());
    const { components } = JSON.parse(text) as { components: { schemas: Record<string, unknown> } };
    const named = Object.keys(components.schemas);
    const referred = new Set([...text.matchAll(/#\/components\/schemas\/([^"]+)/g)].map(([, name]) => name));
    expect(new Set(named)).toEqual(referred);
    expect(named).toContain('Task');
    expect(named).toContain('TaskSubmissionInput');
  });

  it('says which bodies may be left out', async () => {
    await using app = await buildApp(createFakes().components);
    const { paths } = JSON.parse(JSON.stringify(app.swagger())) as {
      paths: Record<string, { post: { requestBody: { required: boolean } } }>;
    };
    const isRequired = (path: string) => paths[path]?.post.requestBody.required;
    expect(isRequired('/api/v1/releases/{type}/rollback')).toBe(false);
    expect(isRequired('/api/v1/releases/{type}/update')).toBe(true);
  });
});
