import { startBrokers } from './brokers.ts';
import { peakRssMib } from './cpu.ts';
import type { ResultKind, StoreKind } from './options.ts';
import { tenmaSide } from './rounds.ts';
import { allSeen, measureThroughput, sendTasks } from './run.ts';
import { subscribeToResults } from './subscriber.ts';
import { startTenma } from './tenma.ts';
import { workersFor } from './workers.ts';

export interface Drain {
  readonly tasks: number;
  /** Accepted a second, while no worker was there. */
  readonly acceptedPerSecond: number;
  /** From the start of the WEE to its first result: its boot, and until LE has heard of it and looks again. */
  readonly firstResultAfterMs: number;
  /** From the first result to the last. */
  readonly tasksPerSecond: number;
  readonly duplicates: number;
  readonly peakRssMib: Readonly<Record<string, number>>;
}

const warmTasks = 2_000;
/** Submissions without an answer, at most. */
const unaccepted = 2_000;

/**
 * A backlog that piled up while there was no worker: how fast it goes once there is one. Everything is started for it
 * and nothing else, so that the peaks of memory are its own.
 */
export async function measureDrain(
  resources: AsyncDisposableStack,
  store: StoreKind,
  { tasks, folder, result }: { tasks: number; folder: string; result: ResultKind },
): Promise<Drain> {
  const brokers = await startBrokers(resources);
  const workers = workersFor[result];
  const tenma = await startTenma(resources, { store, workers, brokers, folder, profile: undefined });
  const subscriber = resources.use(await subscribeToResults(brokers.mqttUrl));
  const side = await tenmaSide(resources, { tenma, type: workers.type, folder });
  // LE learns the task type and everything gets hot.
  await measureThroughput(subscriber, side, warmTasks);
  await tenma.stopWee();
  const tally = subscriber.begin(() => {});
  const { startedAt, acceptedAt } = await sendTasks(side.driver, {
    tasks,
    outstanding: unaccepted,
    paced: false,
    patient: true,
  });
  const startedWeeAt = tenma.startWee();
  await allSeen(tally, tasks, side.processes());
  const first = tally.arrivals[0] ?? Number.NaN;
  const last = tally.arrivals.at(-1) ?? Number.NaN;
  await side.settle(tasks);
  return {
    tasks,
    acceptedPerSecond: (tasks / (acceptedAt - startedAt)) * 1_000,
    firstResultAfterMs: first - startedWeeAt,
    tasksPerSecond: ((tasks - 1) / (last - first)) * 1_000,
    duplicates: tally.duplicates,
    peakRssMib: peakRssMib(tenma.parts().filter(({ name }) => name !== 'PostgreSQL')),
  };
}
