import { setTimeout as pause } from 'node:timers/promises';
import type { Task } from '@tenma/protocol';
import { cpuBetween, peakRssMib, readCpu } from '../cpu.ts';
import { quantile } from '../statistics.ts';
import { type NodesOptions, startNodesFabric } from './fabric.ts';

export interface NodesFigures {
  readonly probesPerSecond: number;
  /** From the start of a slot to the start of its probe on a worker. */
  readonly lagMs: {
    readonly p50: number;
    readonly p99: number;
    readonly max: number;
    readonly samples: number;
  };
  /** Probes of the sample that did not succeed, by state. */
  readonly unsuccessful: Readonly<Record<string, number>>;
  readonly onlineAtEnd: number;
  /** Cores used, on average. */
  readonly cores: Readonly<Record<string, number>>;
  readonly peakRssMib: Readonly<Record<string, number>>;
}

const sampleEveryMs = 10_000;
/** Probes that are looked at have had this long to end. */
const settledMs = 5_000;
const pagesASample = 2;

export async function measureNodes(
  resources: AsyncDisposableStack,
  options: NodesOptions & { readonly minutes: number; readonly say: (line: string) => void },
): Promise<NodesFigures> {
  const fabric = await startNodesFabric(resources, options);
  const { say, minutes } = options;
  say(`${options.nodes} nodes are online; measuring for ${minutes} min …`);
  const before = readCpu(fabric.parts);
  const begun = performance.now();
  const lags: number[] = [];
  const unsuccessful: Record<string, number> = {};
  while (performance.now() - begun < minutes * 60_000) {
    await Promise.race([pause(sampleEveryMs), ...fabric.processes.map((one) => one.unexpectedEnd)]);
    for (const task of await recentProbes(fabric.url)) {
      if (task.state !== 'succeeded') unsuccessful[task.state] = (unsuccessful[task.state] ?? 0) + 1;
      const lag = lagOf(task);
      if (lag !== null) lags.push(lag);
    }
  }
  const seconds = (performance.now() - begun) / 1_000;
  const used = cpuBetween(before, readCpu(fabric.parts));
  lags.sort((a, b) => a - b);
  return {
    probesPerSecond: (options.nodes * options.observers) / options.intervalSeconds,
    lagMs: {
      p50: quantile(lags, 0.5),
      p99: quantile(lags, 0.99),
      max: lags.at(-1) ?? Number.NaN,
      samples: lags.length,
    },
    unsuccessful,
    onlineAtEnd: await fabric.onlineNodes(),
    cores: Object.fromEntries(Object.entries(used).map(([name, cpu]) => [name, cpu / seconds])),
    peakRssMib: peakRssMib(fabric.parts.filter(({ name }) => name !== 'PostgreSQL')),
  };
}

async function recentProbes(url: string): Promise<Task[]> {
  const before = new Date(Date.now() - settledMs).toISOString();
  const found: Task[] = [];
  let token = '';
  for (let page = 0; page < pagesASample; page += 1) {
    const query = `type=probe-http&created_before=${before}&page_size=1000&page_token=${token}`;
    const answer = await fetch(`${url}/api/v1/tasks?${query}`);
    const body = (await answer.json()) as { items: Task[]; next_page_token: string | null };
    found.push(...body.items);
    if (body.next_page_token === null) break;
    token = body.next_page_token;
  }
  return found;
}

/** The slot stands at the end of the key of a probe; one that looks again has no slot. */
function lagOf({ idempotency_key: key, started_at }: Task): number | null {
  const slot = /^observe:[^:]+:[^:]+:(\d+)$/.exec(key ?? '')?.[1];
  return slot === undefined || started_at === null ? null : Date.parse(started_at) - Number(slot);
}
