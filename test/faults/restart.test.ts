import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePort, measureStalls, startService, temporaryFolder, until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import { allSucceeded, allTasks } from './stack.ts';

/** A target that takes its time; counts its requests. */
async function slowTarget(delayMs: number) {
  let requests = 0;
  const server = createServer((_, response) => {
    requests += 1;
    setTimeout(() => response.end('slow'), delayMs);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    requests: () => requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function submitProbes(api: string, url: string, count: number): Promise<string[]> {
  const tasks = Array.from({ length: count }, () => ({ type: 'probe-http', input: { url } }));
  const response = await fetch(`${api}/api/v1/tasks/batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ tasks }),
  });
  const body = (await response.json()) as { tasks: { id: string }[] };
  return body.tasks.map(({ id }) => id);
}

/** Living processes whose parent is `pid`; zombies are dead. */
function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((entry) => {
      try {
        const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
        const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return Number(parent) === pid && state !== 'Z';
      } catch {
        return false;
      }
    })
    .map(Number);
}

function alive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

async function embeddedForTest() {
  const folder = await temporaryFolder();
  const port = await freePort();
  const env = {
    TENMA_HTTP_PORT: String(port),
    TENMA_MQTT_PORT: String(await freePort()),
    TENMA_STORE_URL: `sqlite:${folder.path}/tenma.db`,
  };
  return {
    api: `http://127.0.0.1:${port}`,
    start: () => startService('dev', 'services/dev/src/main.ts', env),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

const ready = (service: { output(): string }) => async () => service.output().includes('Check ');
const patience = { timeoutMs: 40_000, what: 'the self-check' };

describe('everything in one process', () => {
  // Two cold starts of three processes each, on a machine that may be busy with other tests.
  it('killed under load and started again, finishes every task that got a 202', {
    timeout: 150_000,
  }, async () => {
    await using target = await slowTarget(500);
    await using embedded = await embeddedForTest();
    await using first = embedded.start();
    await until(ready(first), patience);
    const ids = await submitProbes(embedded.api, target.url, 300);
    await until(() => target.requests() >= 30, { what: 'probes under way' });
    await first.stopGroup('SIGKILL');

    await using second = embedded.start();
    await until(ready(second), patience);
    expect(second.output()).toMatch(
      /Check {2}probe-http .*: up, through API, bus, IC, worker and MQTT in \d+ ms/,
    );
    // Two self-checks beside the probes.
    await allSucceeded(embedded.api, ids.length + 2, 30_000);
    const tasks = await allTasks(embedded.api);
    for (const id of ids) expect(tasks.get(id)?.output).toMatchObject({ verdict: 'up' });
  });

  it('leaves no worker process that outlives it by a second', { timeout: 90_000 }, async () => {
    await using embedded = await embeddedForTest();
    await using service = embedded.start();
    await until(ready(service), patience);
    const workers = childrenOf(service.pid);
    expect(workers.length).toBeGreaterThanOrEqual(2);
    using stalls = measureStalls();
    await service.stop('SIGKILL');
    const killedAt = performance.now();
    await until(() => !workers.some(alive), { what: 'the worker processes being gone' });
    const tookMs = performance.now() - killedAt;
    // What the machine keeps from this process, it may keep from those as well.
    expect(tookMs).toBeLessThan(1_000 + stalls.lateMs);
  });
});
