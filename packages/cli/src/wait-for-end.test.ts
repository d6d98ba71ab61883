import type { TaskEvent } from '@tenma/client';
import { cloudEvent, type Task } from '@tenma/protocol';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createOutput } from './output.ts';
import { waitForEnd } from './wait-for-end.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

function waitingAgain(revision: number): TaskEvent {
  const about = { task_id: 'ID', type: 'slow', region: 'here', attempt: 0, revision };
  const data = { ...about, state: 'waiting', reason: 'nobody runs it' } as const;
  const parts = { id: String(revision), source: 'test', name: 'task.waiting', subject: 'ID', at: 0, data };
  return { kind: 'state', ...cloudEvent(parts) };
}

/** Waits with nobody watching, until the task has been told to wait twice, or nobody has asked for that. */
async function waitFor({ json }: { json: boolean }): Promise<{ stderr: string; asked: boolean }> {
  const ended = Promise.withResolvers<Task>();
  const told = Promise.withResolvers<void>();
  let stderr = '';
  let asked = false;
  const stream = { write: (text: string) => (stderr += text) };
  const config = { apiUrl: 'http://127.0.0.1', token: undefined, json, ansi: false, drawable: false };
  const output = createOutput({ write: () => expect.fail('stdout is for data') }, stream, config);
  const handle = {
    id: 'ID',
    finished: () => ended.promise,
    async *events() {
      asked = true;
      yield waitingAgain(1);
      yield waitingAgain(2);
      told.resolve();
    },
  };
  const { signal } = new AbortController();
  const waiting = waitForEnd({ config, output }, handle, 'slow', { signal, timeoutMs: undefined });
  await vi.advanceTimersByTimeAsync(2_000);
  if (asked) await told.promise;
  ended.resolve({} as Task);
  await waiting;
  return { stderr, asked };
}

it('why a task waits is said once, however often it is looked at', async () => {
  const { stderr } = await waitFor({ json: false });
  expect(stderr).toBe('It waits: nobody runs it. More: tenma task explain ID\n');
});

it('with --json nothing is said of it, nor asked for', async () => {
  expect(await waitFor({ json: true })).toEqual({ stderr: '', asked: false });
});
