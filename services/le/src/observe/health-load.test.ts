import { silentLog } from '@tenma/runtime';
import { slowness, until } from '@tenma/test-support';
import { expect, test } from 'vitest';
import { fakeLease } from './fixtures/fake-lease.ts';
import { probedWorld } from './fixtures/probed-world.ts';
import { active, node, openDocuments, region, settings } from './fixtures/region-documents.ts';
import { startHealth } from './health.ts';
import { startScheduler } from './scheduler.ts';

test('10,000 nodes in 50 regions, two observers each, every 30 s, cost a fraction of a processor', async () => {
  await using opened = await openDocuments();
  const { clock, documents, store } = opened;
  const regions = Array.from({ length: 50 }, (_, index) => `r${index}`);
  const nodes = Array.from({ length: 10_000 }, (_, index) => node(`n${index}`, `r${index % 50}`));
  await opened.write(active('r0'), ...regions.map((id) => region(id)), ...nodes);
  const world = probedWorld(clock);
  world.work(Object.fromEntries(regions.map((id) => [id, ['probe-http']])));
  const lease = fakeLease(true);
  const log = silentLog();
  await using scheduler = startScheduler({ intake: world.intake, lease, clock, log });
  const pace = { ...settings.pace, observers: 2, activeIntervalMs: 30_000 };
  await using health = await startHealth({
    documents,
    settings: { ...settings, pace },
    lease,
    scheduler,
    fleet: world.fleet,
    store,
    bus: world.bus,
    clock,
    log,
  });
  await until(() => health.watching === 10_000, { everyMs: 1, timeoutMs: 60_000 });
  const cpuBefore = process.cpuUsage();
  await clock.advance(31_000);
  const { user, system } = process.cpuUsage(cpuBefore);
  const lag = scheduler.lagMs();
  expect(world.probes.length).toBeGreaterThan(19_900);
  expect(new Set(world.probes.map(({ key }) => key)).size).toBe(world.probes.length);
  // Half a minute of scheduler, detector, documents and their store: measured at 2 s.
  expect((user + system) / 1_000).toBeLessThan(10_000 * slowness());
  expect(lag.p99).toBeLessThan(100);
  await until(() => documents.all('node-verdict').size === 10_000, { timeoutMs: 60_000 });
}, 240_000);
