import { silentLog, systemClock } from '@tenma/runtime';
import { runWorker } from '@tenma/worker';
import noopWorker from '../noop-worker.ts';
import { median } from '../statistics.ts';
import { openGroup } from './group.ts';

/** Attempts a second of a worker that does nothing: in this process, and through a pool of processes. */
export interface HopFigures {
  readonly inProcess: readonly number[];
  readonly throughPool: readonly number[];
  readonly processes: number;
}

const attempts = 50_000;
/** As many light attempts as two processes hold. */
const outstanding = 200;
const processes = 2;
const task = {
  id: '01990b4c-6f2a-7cc3-9d5e-0f6d2f1a7b10',
  attempt: 1,
  idempotency_key: 'bench',
  region: 'here',
};
export const goalPerSecond = 20_000;

/** Rounds of both, one after the other; the bus is left out. */
export async function measureHop(rounds: number): Promise<HopFigures> {
  const components = { clock: systemClock(), log: silentLog(), random: Math.random };
  await using group = await openGroup(components, processes);
  const { signal } = new AbortController();
  const inProcess: number[] = [];
  const throughPool: number[] = [];
  const here = async () => {
    const outcome = await runWorker(noopWorker, { input: null, task, signal });
    if (outcome.kind === 'failed') throw new Error(outcome.error.message);
  };
  // The first of each warms up.
  for (let round = 0; round <= rounds; round += 1) {
    const figures = [await perSecond(here), await perSecond(() => group.attempt())] as const;
    if (round === 0) continue;
    inProcess.push(figures[0]);
    throughPool.push(figures[1]);
  }
  return { inProcess, throughPool, processes };
}

/** Keeps so many under way until all have ended. */
async function perSecond(attempt: () => Promise<void>): Promise<number> {
  let left = attempts;
  async function runner(): Promise<void> {
    while (left > 0) {
      left -= 1;
      await attempt();
    }
  }
  const begun = performance.now();
  await Promise.all(Array.from({ length: outstanding }, runner));
  return attempts / ((performance.now() - begun) / 1_000);
}

export function hopReport({ inProcess, throughPool, processes: count }: HopFigures): string {
  const [here, pool] = [median(inProcess), median(throughPool)];
  const per = (figure: number) => `${Math.round(figure).toLocaleString('en')} attempts/s`;
  const verdict = pool >= goalPerSecond ? 'met' : 'MISSED';
  return [
    `in this process:            ${per(here)} (${inProcess.map(Math.round).join(', ')})`,
    `through a pool of ${count}:        ${per(pool)} (${throughPool.map(Math.round).join(', ')})`,
    `ratio ${(pool / here).toFixed(2)}; goal ${goalPerSecond.toLocaleString('en')}: ${verdict}`,
  ].join('\n');
}
