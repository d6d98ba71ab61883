import type { Presence, Task, TaskExplanation } from '@tenma/protocol';
import { until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import { allSucceeded, allTasks, canStartStack, startStack, submitTasks } from '../faults/stack.ts';

const home = 'ap-northeast-1';
const task = { type: 'sleep', input: { ms: 1_000 }, region: 'any', near: home };

/** How many tasks went to each pool. */
function spreadOf(tasks: Iterable<Task>): Record<string, number> {
  const spread: Record<string, number> = {};
  for (const { placement } of tasks) {
    const key = `${placement?.region}/${placement?.pool}`;
    spread[key] = (spread[key] ?? 0) + 1;
  }
  return spread;
}

describe.runIf(canStartStack)('two WEEs of different capacity near the target, and two far from it', () => {
  // Starts three servers and six services.
  it('share the work by capacity and round trip, and every task can say why', {
    timeout: 120_000,
  }, async () => {
    await using stack = await startStack();
    const { fabric } = stack;
    fabric.le();
    fabric.ic();
    fabric.wee({ TENMA_REGION: home, TENMA_LABELS: 'small', TENMA_PROCESSES: '1' });
    fabric.wee({ TENMA_REGION: home, TENMA_LABELS: 'large', TENMA_PROCESSES: '3' });
    fabric.wee({ TENMA_REGION: 'us-west-2', TENMA_PROCESSES: '1' });
    fabric.wee({ TENMA_REGION: 'eu-west-1', TENMA_PROCESSES: '1' });
    await fabric.ready();
    const { api } = fabric;
    const wees = async () =>
      ((await (await fetch(`${api}/api/v1/workers`)).json()) as { items: Presence[] }).items;
    const isReady = ({ status, pools }: Presence) =>
      status === 'online' && pools.some(({ type }) => type === 'sleep');
    const four = async () => (await wees()).filter(isReady).length === 4;
    await until(four, { what: 'four WEEs with their pools', timeoutMs: 30_000 });

    // As many as fit near the target: none goes elsewhere, and the large WEE takes three quarters.
    const few = await submitTasks(api, Array<object>(200).fill(task));
    await allSucceeded(api, 200, 60_000);
    const near = spreadOf((await allTasks(api)).values());
    process.stdout.write(`200 tasks: ${JSON.stringify(near)}\n`);
    expect(Object.keys(near).every((pool) => pool.startsWith(home))).toBe(true);
    expect(near[`${home}/sleep-v1_large`]).toBeGreaterThan(120);
    expect(near[`${home}/sleep-v1_small`]).toBeGreaterThan(20);

    // They tell what an attempt takes with their next presence; until then a light one counts as 50 ms.
    const measured = async () =>
      (await wees())
        .filter(({ region }) => region === home)
        .every(({ pools }) => pools.some(({ type, mean_ms: ms }) => type === 'sleep' && (ms ?? 0) > 900));
    await until(measured, { what: 'the duration being known', timeoutMs: 20_000 });

    // Many more: the wait near the target outgrows the way to the others.
    await Promise.all([1, 2, 3].map(() => submitTasks(api, Array<object>(500).fill(task))));
    await allSucceeded(api, 1_700, 90_000);
    const all = spreadOf((await allTasks(api)).values());
    process.stdout.write(`1,700 tasks: ${JSON.stringify(all)}\n`);
    expect(all['us-west-2/sleep-v1']).toBeGreaterThan(0);

    const why = await fetch(`${api}/api/v1/tasks/${few[0]}/explanation`);
    const { summary, lines } = (await why.json()) as TaskExplanation;
    process.stdout.write(`${[summary, ...lines].join('\n')}\n`);
    expect(lines.join(' ')).toMatch(/score of .* ms/);
    expect(lines.join(' ')).toMatch(/us-west-2\/sleep-v1/);
  });
});
