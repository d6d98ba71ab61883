import { describe, expect, it } from 'vitest';
import { after, queued, specForTest } from '../../lifecycle/fixture.ts';
import { buildApp } from '../app.ts';
import type { HttpComponents } from '../components.ts';
import { openRegistry } from '../fixtures/registry.ts';

/** A real store and real documents; the dispatcher says of every limit that it is reached. */
async function open() {
  await using parts = new AsyncDisposableStack();
  const registry = parts.use(await openRegistry());
  const waitingFor: HttpComponents['dispatcher']['waitingFor'] = ({ limit }) =>
    limit ? `held back: limit key ${limit.key}: 1 of 1 running` : null;
  const dispatcher = { waitingFor } as HttpComponents['dispatcher'];
  const app = await buildApp({ ...registry.components, dispatcher });
  parts.defer(() => app.close());
  const opened = parts.move();
  return {
    store: registry.store,
    async explain(id: string) {
      const answer = await app.inject({ method: 'GET', url: `/api/v1/tasks/${id}/explanation` });
      return { status: answer.statusCode, body: answer.json<{ lines: string[] }>() };
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

const due = (changes: Parameters<typeof specForTest>[0] = {}) => {
  const { spec, life } = after([], specForTest(changes));
  return { spec, life: { ...life, dispatchNo: 0 }, input: null, output: null };
};

describe('the explanation of a task', () => {
  it('tells in words why it is where it is, with the placement that it has', async () => {
    await using le = await open();
    const { spec, life } = after([queued()]);
    await le.store.insert([{ spec, life, input: null, output: null }]);
    const answer = await le.explain(spec.id);
    expect(answer).toMatchObject({
      status: 200,
      body: {
        task_id: spec.id,
        state: 'queued',
        summary: expect.stringMatching(/^It has stood in the queue of pool here\/echo-v1 for /),
        placement: life.placement,
      },
    });
    expect(answer.body.lines).toContain(
      'No WEE serves here/echo-v1 any more: the task is placed anew when that is certain.',
    );
  });

  it('counts the tasks among which it waits for its turn', async () => {
    await using le = await open();
    await le.store.insert([due(), due({ id: '01990b4c-6f2a-7cc3-9d5e-0f6d2f1a7b11' })]);
    const summary = 'It waits for its turn to be sent out among 2 due tasks of type echo for any region.';
    expect(await le.explain(specForTest().id)).toMatchObject({ body: { summary } });
  });

  it('names the limit that the dispatcher keeps it back for', async () => {
    await using le = await open();
    await le.store.insert([due({ limit: { key: 'acme', concurrent: 1 } })]);
    const summary = 'It is held back: limit key acme: 1 of 1 running.';
    expect(await le.explain(specForTest().id)).toMatchObject({ body: { summary } });
  });

  it.each(['01990b4c-6f2a-7cc3-9d5e-0f6d2f1a7b99', 'no-id'])(
    'is a 404 of %s, which is no task',
    async (id) => {
      await using le = await open();
      expect(await le.explain(id)).toMatchObject({ status: 404, body: { code: 'unknown_task' } });
    },
  );
});
