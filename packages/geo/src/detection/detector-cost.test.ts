import { slowness } from '@tenma/test-support';
import { expect, it } from 'vitest';
import { chooseObservers } from './choose-observers.ts';
import { createDetector } from './create-detector.ts';
import { paces } from './pace.ts';

const title = '10,000 nodes of two observers each cost well under a second of CPU for all that 30 s bring';
it(title, { timeout: 60_000 }, () => {
  const detector = createDetector(paces.default);
  const regions = Array.from({ length: 50 }, (_, at) => `region-${at}`);
  for (const regionId of regions) detector.setRegion({ regionId, maintenance: false }, 0);
  const pairs = Array.from({ length: 10_000 }, (_, at) => {
    const nodeId = `node-${at}`;
    const regionId = regions[at % regions.length] ?? '';
    const observers = chooseObservers({ nodeId, regionId, withWorkers: regions, count: 2 });
    detector.setNode({ nodeId, regionId, observers, intervalMs: 30_000 }, 0);
    return observers.map((observer) => ({ nodeId, observer, regionId }));
  }).flat();
  let ticks = 0;
  const round = (start: number) => {
    for (const [at, { nodeId, observer, regionId }] of pairs.entries()) {
      const now = start + Math.floor((at * 30_000) / pairs.length);
      // One region is lost, and a tenth of the other answers.
      const outcome = regionId === 'region-7' || at % 10 === 3 ? 'down' : 'up';
      detector.sighted({ nodeId, observer, outcome, at: now, reason: null }, now);
      for (; ticks * 250 <= now; ticks += 1) detector.tick(ticks * 250);
    }
  };
  // The first answers, and a compiler that has not seen the code yet.
  round(0);
  const budgetMs = 1_000 * slowness();
  const before = process.cpuUsage();
  round(30_000);
  const { user, system } = process.cpuUsage(before);
  expect(pairs).toHaveLength(20_000);
  expect(ticks).toBe(240);
  expect((user + system) / 1_000).toBeLessThan(budgetMs);
});
