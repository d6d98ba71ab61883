import { problem } from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import { createClient, type TaskEvent } from './index.ts';
import { sendProblem, startFakeLe } from './testing/index.ts';

const fast = { random: () => 0 };
const isStream = ({ path }: { path: string }) => path.endsWith('/events');

/** What an event tells, without what all have. */
function gist(event: TaskEvent): unknown {
  return event.kind === 'progress' ? event.data.progress : event.data.state;
}

describe('events', () => {
  it('tell what happens to a task, typed, and end with it', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    const { id } = le.add({ type: 'echo' });
    const seen: unknown[] = [];
    for await (const event of client.task(id).events()) {
      seen.push(gist(event));
      if (event.kind === 'state' && event.data.state === 'accepted') le.change(id, { state: 'running' });
      if (event.kind === 'state' && event.data.state === 'running') le.progress(id, 0.5);
      if (event.kind === 'progress') le.change(id, { state: 'succeeded', output: 3 });
      if (event.kind === 'result') expect(event.data.output).toBe(3);
    }
    expect(seen).toEqual(['accepted', 'running', 0.5, 'succeeded']);
  });

  it('of a task that has ended are its result', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    const { id } = le.add({ type: 'echo' });
    le.change(id, { state: 'failed', error: { code: 'x', message: 'y', retryable: false } });
    const events = await Array.fromAsync(client.task(id).events());
    expect(events).toMatchObject([{ kind: 'result', data: { state: 'failed', error: { code: 'x' } } }]);
  });

  it('go on after a broken connection where they were, none twice', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url, ...fast });
    const { id } = le.add({ type: 'echo' });
    const seen: unknown[] = [];
    for await (const event of client.task(id).events()) {
      seen.push(gist(event));
      if (seen.length === 1) {
        const again = le.next(isStream);
        le.breakStreams();
        void again.then(() => le.change(id, { state: 'running' }));
      }
      if (seen.length === 2) {
        le.breakStreams();
        le.change(id, { state: 'succeeded' });
      }
    }
    expect(seen).toEqual(['accepted', 'running', 'succeeded']);
    expect(le.requests.filter(isStream).map(({ headers }) => headers['last-event-id'])).toEqual([
      undefined,
      '1',
      '2',
    ]);
  });

  it('end in a result also when the stream ends without one', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url, ...fast });
    const { id } = le.add({ type: 'echo' });
    le.change(id, { state: 'succeeded', output: 'found' });
    le.play((request, response) => {
      if (!isStream(request)) return false;
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end(': nothing\n\n');
      return true;
    });
    const events = await Array.fromAsync(client.task(id).events());
    expect(events).toMatchObject([{ kind: 'result', data: { state: 'succeeded', output: 'found' } }]);
  });

  it('skip kinds that this client does not know', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url, ...fast });
    const { id } = le.add({ type: 'echo' });
    const stop = le.play((request, response) => {
      if (!isStream(request)) return false;
      stop();
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end('event: tenma.weather.v9\ndata: {}\n\n');
      le.change(id, { state: 'succeeded' });
      return true;
    });
    expect((await Array.fromAsync(client.task(id).events())).map(gist)).toEqual(['succeeded']);
  });

  it('end in the error of an LE that stays away', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url, retryForMs: 0 });
    le.play((_request, response) => sendProblem(response, problem('store_unavailable')));
    const events = client.task('01990b4c-6f2a-7cc3-9d5e-0f6d2f1a7b10').events();
    await expect(Array.fromAsync(events)).rejects.toMatchObject({ code: 'store_unavailable' });
  });

  it('close their connection when their reader leaves, and end with the reason of a signal', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    const { id } = le.add({ type: 'echo' });
    const closed = new Promise((resolve) => {
      const stop = le.play((_request, response) => {
        stop();
        response.on('close', resolve);
        return false;
      });
    });
    for await (const event of client.task(id).events()) if (event.kind === 'state') break;
    await closed;
    const controller = new AbortController();
    const reason = new Error('enough');
    const reading = (async () => {
      for await (const _event of client.task(id).events({ signal: controller.signal }))
        controller.abort(reason);
    })();
    await expect(reading).rejects.toBe(reason);
  });
});
