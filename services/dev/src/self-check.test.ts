import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Message, Results } from '@tenma/results';
import { systemClock } from '@tenma/runtime';
import { describe, expect, it } from 'vitest';
import { selfCheck } from './self-check.ts';

const clock = systemClock();
const at = '2026-01-01T00:00:00.000Z';
const id = '01990b4c-6f2a-7cc3-9d5e-0f6d2f1a7b10';

const presence = (weeId: string, types: readonly string[], status = 'online') => ({
  wee_id: weeId,
  boot_id: 'boot',
  region: 'here',
  status,
  labels: [],
  version: '0',
  since: at,
  types: [],
  echo: null,
  pools: types.map((type) => ({
    pool: `${type}-v1`,
    type,
    version: '1.0.0',
    labels: [],
    queue: `tenma.pool.here.${type}-v1`,
    slots: 100,
    running: 0,
    held: 0,
  })),
});

const result = {
  region: 'here',
  state: 'succeeded',
  attempt: 1,
  revision: 1,
  worker: 'mine',
  started_at: at,
  finished_at: at,
};

const task = (type: string, changes: object = {}) => ({
  id,
  type,
  state: 'succeeded',
  reason: null,
  output: { verdict: 'up' },
  error: null,
  ...changes,
});

interface Submitted {
  readonly type: string;
  readonly input: unknown;
}

/** An API that names these fleets, one after the other, and runs what it gets; `changes`: of what became of it. */
async function apiOf(fleets: readonly (readonly object[])[], changes: object = {}) {
  const submitted: Submitted[] = [];
  let tellResult: (message: Message) => void = () => undefined;
  let asked = 0;
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    if (request.method === 'GET') {
      response.end(JSON.stringify({ items: fleets[Math.min(asked, fleets.length - 1)] }));
      asked += 1;
      return;
    }
    let text = '';
    request.on('data', (part: Buffer) => (text += part.toString()));
    request.on('end', () => {
      const submission = JSON.parse(text) as Submitted;
      submitted.push(submission);
      const data = { task_id: id, type: submission.type };
      tellResult({ topic: '', retained: false, payload: { data: { ...result, ...data } } });
      response.end(JSON.stringify(task(submission.type, changes)));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const results = {
    subscribe: (_: string, handler: typeof tellResult) => {
      tellResult = handler;
      return Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() });
    },
  } as Pick<Results, 'subscribe'> as Results;
  return {
    port: (server.address() as AddressInfo).port,
    get url() {
      return `http://127.0.0.1:${this.port}`;
    },
    submitted,
    check() {
      return selfCheck({ results, clock }, { url: this.url, weeId: 'mine' });
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('the check at the start', () => {
  it('runs probe-http where a WEE has it', async () => {
    await using api = await apiOf([[presence('mine', ['probe-tcp', 'probe-http'])]]);
    expect(await api.check()).toMatchObject({ probe: `probe-http ${api.url}/healthz`, verdict: 'up' });
    expect(api.submitted).toMatchObject([{ type: 'probe-http', input: { url: `${api.url}/healthz` } }]);
  });

  it('takes another built-in probe where that one is not', async () => {
    await using api = await apiOf([[presence('mine', ['word-count', 'probe-tcp'])]]);
    expect(await api.check()).toMatchObject({ probe: `probe-tcp 127.0.0.1:${api.port}` });
    expect(api.submitted).toMatchObject([
      { type: 'probe-tcp', input: { host: '127.0.0.1', port: api.port }, region: 'any' },
    ]);
  });

  it('is skipped where no WEE that is online has one, whatever LE remembers', async () => {
    await using api = await apiOf([
      [presence('mine', ['word-count']), presence('another', ['probe-http'], 'draining')],
    ]);
    expect(await api.check()).toBeNull();
    expect(api.submitted).toEqual([]);
  });

  it('waits until LE sees the WEE of this process', async () => {
    const another = presence('another', ['word-count']);
    const mine = presence('mine', ['probe-http']);
    await using api = await apiOf([
      [],
      [another],
      [another, presence('mine', [], 'draining')],
      [another, mine],
    ]);
    expect(await api.check()).toMatchObject({ verdict: 'up' });
  });

  it('says in which state a task is that has not succeeded, and why', async () => {
    const waiting = { state: 'waiting', reason: 'no_capable_worker', output: null };
    await using api = await apiOf([[presence('mine', ['probe-http'])]], waiting);
    await expect(api.check()).rejects.toThrow(/probe-http task .* is waiting, no_capable_worker/);
  });
});
