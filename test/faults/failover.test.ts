import { topics } from '@tenma/protocol';
import { createMqttResults } from '@tenma/results/mqtt';
import { silentLog, systemClock } from '@tenma/runtime';
import { until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import { call, explained, startRegions } from './regions.ts';
import { allTasks, canStartStack, startStack, submitTasks } from './stack.ts';

const workers = '@tenma/workers,@tenma/workers/testing';
const home = 'ap-northeast-1';

/** What stands retained, and what comes, on the topics of regions. */
async function listen(url: string, clientId: string) {
  const components = { clock: systemClock(), log: silentLog(), random: Math.random };
  const results = createMqttResults(components, { url, clientId });
  const regions = new Map<string, string>();
  const active: { region_id: string; epoch: number }[] = [];
  const failovers: string[] = [];
  await results.subscribe(topics.region('+'), ({ topic, payload }) => {
    const { data } = payload as { data: { status: string } };
    regions.set(topic.split('/').at(-1) ?? '', data.status);
  });
  await results.subscribe(topics.activeRegion(), ({ payload }) =>
    active.push((payload as { data: { region_id: string; epoch: number } }).data),
  );
  await results.subscribe(topics.failover('+'), ({ topic }) => failovers.push(topic));
  return { regions, active, failovers, [Symbol.asyncDispose]: () => results[Symbol.asyncDispose]() };
}

describe.runIf(canStartStack)('with three regions, each with a WEE and two nodes', () => {
  it.each([
    { preset: 'fast', boundMs: 8_000 },
    { preset: 'default', boundMs: 28_000 },
  ])(
    'switches away from a region whose nodes are all killed within $boundMs ms, once ($preset)',
    // Waits for real detection: half a minute and what it takes to see all nodes first.
    { timeout: 180_000 },
    async ({ preset, boundMs }) => {
      await using stack = await startStack({ TENMA_GEO_PRESET: preset, TENMA_WORKERS: workers });
      await using regions = await startRegions(stack);
      await explained(regions.services, async () => {
        await using watcher = await listen(stack.mosquitto.url, 'watcher');
        await until(() => watcher.active.length > 0, { what: 'the retained active region' });
        expect(watcher.active.at(-1)).toMatchObject({ region_id: home, epoch: 1 });
        for (const node of regions.nodes) if (node.regionId === home) await node.kill();
        const killedAt = performance.now();
        await until(async () => (await regions.active()).epoch === 2, {
          timeoutMs: boundMs + 20_000,
          everyMs: 50,
          what: 'the switch',
        });
        const tookMs = Math.round(performance.now() - killedAt);
        process.stderr.write(`${preset}: switched ${tookMs} ms after the last node was killed\n`);
        expect(tookMs).toBeLessThan(boundMs);

        await until(() => watcher.regions.get(home) === 'offline' && watcher.failovers.length > 0, {
          what: 'the announcements',
        });
        const [event, ...others] = await regions.history();
        expect(others).toEqual([]);
        expect(event).toMatchObject({
          from_region: home,
          to_region: 'us-east-1',
          automatic: true,
          success: true,
          epoch: 2,
          triggered_by: 'health_monitor',
          reason: 'region_health_check_failed',
        });
        expect(event?.evidence.nodes.map(({ status }) => status)).toEqual(['offline', 'offline']);
        expect(event?.evidence.confirmations.map(({ verdict }) => verdict)).toEqual(['down', 'down']);
        expect(watcher.failovers).toHaveLength(1);
        await using late = await listen(stack.mosquitto.url, 'late');
        await until(() => late.active.length > 0 && late.regions.size >= 5, { what: 'what is retained' });
        expect(late.active).toMatchObject([{ region_id: 'us-east-1', epoch: 2 }]);
        expect(late.regions.get(home)).toBe('offline');
        expect(late.failovers).toEqual([]);
      });
    },
  );

  // Starts three servers and five services.
  it('places not-started tasks for the active region anew when it is left, and leaves those for the region', {
    timeout: 120_000,
  }, async () => {
    await using stack = await startStack({ TENMA_GEO_PRESET: 'fast', TENMA_WORKERS: workers });
    await using regions = await startRegions(stack, { TENMA_SLOTS: '4' });
    await explained(regions.services, async () => {
      const { api } = regions;
      const nap = { type: 'sleep', input: { ms: 1_000 } };
      const moving = await submitTasks(
        api,
        Array.from({ length: 80 }, () => ({ ...nap, region: 'active' })),
      );
      const staying = await submitTasks(
        api,
        Array.from({ length: 4 }, () => ({ ...nap, region: home })),
      );
      await until(async () => [...(await allTasks(api)).values()].some(({ state }) => state === 'running'));
      const answer = await call<{ status: string; event: { replaced_tasks: number } }>(
        `${api}/api/geo/failover`,
        'POST',
        { from_region: home, to_region: 'eu-west-1' },
      );
      expect(answer).toMatchObject({ status: 200, body: { status: 'failover_executed' } });
      await until(
        async () => {
          const tasks = await allTasks(api);
          return [...moving, ...staying].every((id) => tasks.get(id)?.state === 'succeeded');
        },
        { timeoutMs: 60_000, everyMs: 250, what: 'all tasks succeeding' },
      );
      const tasks = await allTasks(api);
      const ranIn = (id: string) => tasks.get(id)?.placement?.region;
      expect(staying.map(ranIn)).toEqual(staying.map(() => home));
      const moved = moving.filter((id) => ranIn(id) === 'eu-west-1');
      expect(moved.length).toBeGreaterThan(20);
      expect(moving.filter((id) => ![home, 'eu-west-1'].includes(ranIn(id) ?? ''))).toEqual([]);
      expect(answer.body.event.replaced_tasks).toBeGreaterThan(20);
    });
  });
});
