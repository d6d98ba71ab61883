import { setTimeout as pause } from 'node:timers/promises';
import { startBrokers } from './brokers.ts';
import { peakRssMib } from './cpu.ts';
import { startDriver, startFloor } from './floor.ts';
import type { BenchOptions, StoreKind } from './options.ts';
import { type Latency, measureLatency, measureThroughput, type Side, type Throughput } from './run.ts';
import { subscribeToResults } from './subscriber.ts';
import { startTenma, type Tenma } from './tenma.ts';
import { waitUntil } from './wait.ts';
import { workersFor } from './workers.ts';

export interface Measured extends Throughput {
  readonly latency: Latency;
}

/** One after the other within seconds, so that whatever else the machine does troubles both. */
export interface Round {
  readonly floor: Measured;
  readonly tenma: Measured;
}

export interface StoreFigures {
  readonly rounds: readonly Round[];
  readonly peakRssMib: Readonly<Record<string, number>>;
}

const settledWithinMs = 30_000;

/** Tenma with one store against the floor, alternating; who goes first changes from round to round. */
export async function measureRounds(
  resources: AsyncDisposableStack,
  store: StoreKind,
  options: BenchOptions & { folder: string; say: (line: string) => void },
): Promise<StoreFigures> {
  const { folder, tasks, samples, profile, say } = options;
  const workers = workersFor[options.result];
  const brokers = await startBrokers(resources);
  const started = await startTenma(resources, { store, workers, brokers, folder, profile });
  const subscriber = resources.use(await subscribeToResults(brokers.mqttUrl));
  const tenma = await tenmaSide(resources, { tenma: started, type: workers.type, folder });
  // A first run makes the code hot, and tells the floor how large its results must be.
  const warmTasks = Math.max(500, Math.round(tasks / 4));
  const { resultBytes } = await measureThroughput(subscriber, tenma, warmTasks);
  const floorProcesses = await startFloor(resources, { brokers, folder, resultBytes });
  const floor: Side = {
    driver: floorProcesses.driver,
    processes: () => floorProcesses.processes,
    parts: () => [...floorProcesses.parts, ...brokers.parts],
    settle: () => pause(200),
  };
  const both = { floor, tenma: { ...tenma, parts: () => [...tenma.parts(), ...brokers.parts] } };
  await measureThroughput(subscriber, floor, warmTasks);
  await started.profile('start');

  const rounds: Round[] = [];
  for (let index = 0; index < options.rounds; index += 1) {
    const order = index % 2 === 0 ? (['floor', 'tenma'] as const) : (['tenma', 'floor'] as const);
    const throughput: Partial<Record<'floor' | 'tenma', Throughput>> = {};
    const latency: Partial<Record<'floor' | 'tenma', Latency>> = {};
    for (const who of order) throughput[who] = await measureThroughput(subscriber, both[who], tasks);
    for (const who of order) latency[who] = await measureLatency(subscriber, both[who], samples);
    const round = {
      floor: measured(throughput.floor, latency.floor),
      tenma: measured(throughput.tenma, latency.tenma),
    };
    rounds.push(round);
    say(roundLine(index + 1, round));
  }
  await started.profile('stop');
  return { rounds, peakRssMib: peakRssMib(started.parts().filter(({ name }) => name !== 'PostgreSQL')) };
}

function measured(throughput: Throughput | undefined, latency: Latency | undefined): Measured {
  if (!throughput || !latency) throw new Error('a round measures both');
  return { ...throughput, latency };
}

function roundLine(number: number, { floor, tenma }: Round): string {
  const pair = (a: number, b: number) => `${a.toFixed(a < 100 ? 1 : 0)} / ${b.toFixed(b < 100 ? 1 : 0)}`;
  const ratio = (tenma.tasksPerSecond / floor.tasksPerSecond).toFixed(2);
  const tasks = pair(floor.tasksPerSecond, tenma.tasksPerSecond);
  const latency = pair(floor.latency.medianMs, tenma.latency.medianMs);
  return `  round ${number}, floor / Tenma: ${tasks} tasks/s (${ratio}), ${latency} ms`;
}

/** Tenma as a side: its driver is a process with a client; settled is what LE has written down as ended. */
export async function tenmaSide(
  resources: AsyncDisposableStack,
  { tenma, type, folder }: { tenma: Tenma; type: string; folder: string },
): Promise<Side> {
  const driver = await startDriver(resources, {
    name: 'driver',
    file: new URL('./tenma-driver.ts', import.meta.url),
    args: [tenma.url, type],
    folder,
  });
  const processes = () => [driver, ...tenma.processes()];
  let submitted = 0;
  return {
    driver,
    processes,
    parts: () => [...tenma.parts(), { name: 'driver', pid: driver.pid, children: 'together' }],
    async settle(tasks) {
      submitted += tasks;
      const allEnded = async () => {
        const finished = await tenma.finished();
        for (const [state, count] of finished) {
          if (state !== 'succeeded' && count > 0) throw new Error(`${count} tasks ended as ${state}`);
        }
        return (finished.get('succeeded') ?? 0) >= submitted;
      };
      const what = `${submitted} tasks being recorded as succeeded`;
      await waitUntil(allEnded, { timeoutMs: settledWithinMs, what, processes: processes(), everyMs: 100 });
    },
  };
}
