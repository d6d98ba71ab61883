import type { Fabric, ServiceProcess } from '@tenma/test-support';
import { until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import { allSucceeded, allTasks, canStartStack, countStates, startStack, submitTasks } from './stack.ts';

/** Boots of RabbitMQ and PostgreSQL, and clocks of the fabric that run while they are away. */
const timeout = 240_000;
const patienceMs = 60_000;

const naps = (count: number) =>
  Array.from({ length: count }, () => ({ type: 'sleep', input: { ms: 200 }, region: 'any' }));

const seconds = (count: number) =>
  Array.from({ length: count }, () => ({ type: 'sleep', input: { ms: 1_000 }, region: 'any' }));

function finishedSome(api: string, count: number) {
  return until(async () => ((await countStates(api))['succeeded'] ?? 0) >= count, {
    timeoutMs: patienceMs,
    what: `${count} tasks done`,
  });
}

/** Starts one of each service and resolves with LE when some of 400 naps are done, and most are not. */
async function startNapping(fabric: Fabric): Promise<ServiceProcess> {
  const le = fabric.le();
  fabric.ic();
  fabric.wee();
  await fabric.ready();
  await submitTasks(fabric.api, naps(400));
  await finishedSome(fabric.api, 20);
  return le;
}

describe.runIf(canStartStack)('every accepted task succeeds', () => {
  it('when LE is killed with tasks in flight and started again', { timeout }, async () => {
    await using stack = await startStack({ TENMA_SLOTS: '8' });
    const { fabric } = stack;
    const le = await startNapping(fabric);
    await le.stop('SIGKILL');
    fabric.le();
    await fabric.ready();
    await allSucceeded(fabric.api, 400, patienceMs);
  });

  it('when the broker loses everything it holds', { timeout }, async () => {
    await using stack = await startStack({ TENMA_SLOTS: '8' });
    const { fabric, rabbitmq } = stack;
    await startNapping(fabric);
    for (const command of ['stop_app', 'reset', 'start_app']) await rabbitmq.control(command);
    await allSucceeded(fabric.api, 400, patienceMs);
  });

  it('when the database is killed and started again', { timeout }, async () => {
    await using stack = await startStack({ TENMA_SLOTS: '8' });
    const { fabric, postgres } = stack;
    await startNapping(fabric);
    await postgres.stop('SIGKILL');
    const answer = await fetch(`${fabric.api}/api/v1/tasks`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(naps(1)[0]),
    });
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: 'store_unavailable' });
    await postgres.start();
    await until(async () => (await fetch(`${fabric.api}/readyz`)).ok, {
      timeoutMs: 20_000,
      what: 'being ready again',
    });
    await allSucceeded(fabric.api, 400, patienceMs);
  });
});

describe.runIf(canStartStack)('a WEE that is told to stop', () => {
  it('finishes what runs, gives back the rest, and exits with 0', { timeout }, async () => {
    await using stack = await startStack({ TENMA_SLOTS: '10' });
    const { fabric } = stack;
    fabric.le();
    fabric.ic();
    const first = fabric.wee();
    await fabric.ready();
    await submitTasks(fabric.api, seconds(60));
    await until(async () => ((await countStates(fabric.api))['running'] ?? 0) >= 5, {
      what: 'tasks running',
    });
    const second: ServiceProcess = fabric.wee();
    await until(() => second.output().includes('taking tasks'), { what: 'the other WEE' });
    // Both have some in hand.
    await submitTasks(fabric.api, seconds(60));
    expect(await first.stop('SIGTERM')).toBe(0);
    await allSucceeded(fabric.api, 120, patienceMs);
    const tasks = await allTasks(fabric.api);
    expect([...tasks.values()].every(({ attempt }) => attempt === 1)).toBe(true);
  });
});
