import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { cloudEvent } from '@tenma/protocol';
import { describe, expect, it, vi } from 'vitest';
import { createFakes, endedTask, eventsPath, type Fakes, serve, storeAway, taskId } from './fixture.ts';

/** A busy machine is slow. */
const patient = { timeout: 20_000 };

/** Opens a stream, and waits until everything it needs is in place. */
async function follow(served: Awaited<ReturnType<typeof serve>>, fakes: Fakes) {
  const request = once(served.app.server, 'request') as Promise<[unknown, ServerResponse]>;
  const { socket, text } = served.get(eventsPath);
  const [, raw] = await request;
  await vi.waitFor(() => expect(text()).toContain('tenma.task.running.v1'), patient);
  await vi.waitFor(() => expect(fakes.opened).toBe(2), patient);
  return { socket, raw, text };
}

describe('the events of a task', () => {
  it.each(['beforeGet', 'beforeSubscribe'] as const)(
    'leave nothing open for a client that has gone meanwhile (%s)',
    async (step) => {
      const fakes = createFakes();
      await using served = await serve(fakes);
      const reached = Promise.withResolvers<void>();
      const goOn = Promise.withResolvers<void>();
      fakes[step] = () => {
        reached.resolve();
        return goOn.promise;
      };
      const request = once(served.app.server, 'request') as Promise<[unknown, ServerResponse]>;
      const { socket } = served.get(eventsPath);
      const [, raw] = await request;
      await reached.promise;
      const gone = once(raw, 'close');
      socket.destroy();
      await gone;
      goOn.resolve();
      await vi.waitFor(() => expect(fakes.opened).toBe(2), patient);
      await vi.waitFor(() => expect([fakes.watching.size, fakes.progress.size]).toEqual([0, 0]), patient);
    },
  );

  it('leave nothing open for a client that goes while it listens', async () => {
    const fakes = createFakes();
    await using served = await serve(fakes);
    const { socket } = await follow(served, fakes);
    socket.destroy();
    await vi.waitFor(() => expect([fakes.watching.size, fakes.progress.size]).toEqual([0, 0]), patient);
  });

  it('end when the app closes, which they do not hold up', async () => {
    const fakes = createFakes();
    const served = await serve(fakes);
    const { socket } = await follow(served, fakes);
    const ended = once(socket.resume(), 'end');
    await served.app.close();
    await ended;
    expect(fakes.watching.size).toBe(0);
  });

  it('show with a heartbeat what nobody has told, also after reads that failed', async () => {
    const fakes = createFakes();
    await using served = await serve(fakes);
    const { text } = await follow(served, fakes);
    fakes.beforeGet = storeAway;
    await fakes.clock.advance(15_000);
    fakes.beforeGet = () => {};
    fakes.task = endedTask;
    await fakes.clock.advance(15_000);
    await vi.waitFor(() => expect(text()).toContain('tenma.task.succeeded.v1'), patient);
    expect(text()).toContain(': still here');
    await vi.waitFor(() => expect([fakes.watching.size, fakes.progress.size]).toEqual([0, 0]), patient);
  });

  it('leave progress out while the client does not read, and no state', async () => {
    const fakes = createFakes();
    await using served = await serve(fakes);
    const { socket, raw, text } = await follow(served, fakes);
    socket.pause();
    const event = cloudEvent({
      id: 'p',
      source: '/wee/w',
      name: 'task.progress',
      subject: taskId,
      at: 0,
      data: { progress: 'x'.repeat(16_000) },
    });
    for (let n = 0; n < 2_000; n += 1) {
      for (const tell of fakes.progress) tell({ topic: 't', payload: event, retained: false });
    }
    expect(raw.writableLength).toBeLessThan(256 * 1024 + 17_000);
    fakes.task = endedTask;
    fakes.watch.changedElsewhere([taskId]);
    socket.resume();
    await vi.waitFor(() => expect(text()).toContain('tenma.task.succeeded.v1'), patient);
  });
});
