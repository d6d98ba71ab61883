import { type NodeProcess, nextMessage } from './child-process.ts';
import { type CpuByPart, cpuBetween, type Part, readCpu } from './cpu.ts';
import type { FromDriver, ToDriver } from './driver.ts';
import { median, quantile } from './statistics.ts';
import type { Subscriber, Tally } from './subscriber.ts';
import { waitUntil } from './wait.ts';

/** One of the two that are compared. */
export interface Side {
  readonly driver: NodeProcess;
  readonly processes: () => readonly NodeProcess[];
  readonly parts: () => readonly Part[];
  /** Resolves when nothing is left to do of the tasks whose results were seen; `tasks` is how many there were. */
  settle(tasks: number): Promise<void>;
}

export interface Throughput {
  readonly tasksPerSecond: number;
  readonly duplicates: number;
  /** Mean size of a result. */
  readonly resultBytes: number;
  /** Seconds per 1,000 tasks, until everything was settled. */
  readonly cpu: CpuByPart;
  /** Seconds of a CPU that were spent a second, of all that is measured, from the first task to the last result. */
  readonly busyCpus: number;
}

export interface Latency {
  readonly medianMs: number;
  readonly p95Ms: number;
}

type Done = Extract<FromDriver, { kind: 'done' }>;

/** Half a thousand tasks are on their way at any moment of a throughput run. */
const outstanding = 500;
const stalledAfterMs = 30_000;
const runWithinMs = 20 * 60_000;

const measuring: Part = { name: 'measuring', pid: process.pid, children: 'apart' };

/** Resolves when `tasks` results have been seen. @throws when none has come for half a minute */
export async function allSeen(tally: Tally, tasks: number, processes: readonly NodeProcess[]): Promise<void> {
  let before = -1;
  let lastProgress = performance.now();
  const seen = () => {
    const { length } = tally.arrivals;
    if (length !== before) lastProgress = performance.now();
    before = length;
    if (performance.now() - lastProgress > stalledAfterMs) {
      throw new Error(`no result for ${stalledAfterMs} ms, after ${length} of ${tasks}`);
    }
    return length >= tasks;
  };
  await waitUntil(seen, { timeoutMs: runWithinMs, what: `${tasks} results`, processes });
}

/** Has the driver send the tasks; resolves when the last one is accepted. */
export async function sendTasks(
  driver: NodeProcess,
  order: Omit<ToDriver & { kind: 'run' }, 'kind'>,
): Promise<Done> {
  const done = nextMessage(driver, doneOf, runWithinMs);
  driver.child.send({ kind: 'run', ...order } satisfies ToDriver);
  return done;
}

function doneOf(message: unknown): Done | undefined {
  const told = message as FromDriver;
  if (told.kind === 'failed') throw new Error(`the driver failed: ${told.message}`);
  return told.kind === 'done' ? told : undefined;
}

async function paced(
  subscriber: Subscriber,
  side: Side,
  { tasks, outstanding }: { tasks: number; outstanding: number },
): Promise<{ tally: Tally; done: Done }> {
  const { driver } = side;
  const tally = subscriber.begin((seen) => driver.child.send({ kind: 'seen', seen } satisfies ToDriver));
  const [done] = await Promise.all([
    sendTasks(driver, { tasks, outstanding, paced: true, patient: false }),
    allSeen(tally, tasks, side.processes()),
  ]);
  return { tally, done };
}

export async function measureThroughput(
  subscriber: Subscriber,
  side: Side,
  tasks: number,
): Promise<Throughput> {
  const parts = [...side.parts(), measuring];
  const before = readCpu(parts);
  const { tally, done } = await paced(subscriber, side, { tasks, outstanding });
  const elapsedMs = (tally.arrivals.at(-1) ?? Number.NaN) - done.startedAt;
  const atLastResult = cpuBetween(before, readCpu(parts));
  await side.settle(tasks);
  const used = cpuBetween(before, readCpu(parts));
  return {
    tasksPerSecond: (tasks / elapsedMs) * 1_000,
    duplicates: tally.duplicates,
    resultBytes: Math.round(tally.bytes / tasks),
    cpu: Object.fromEntries(Object.entries(used).map(([name, seconds]) => [name, (seconds / tasks) * 1_000])),
    busyCpus: (sumOf(atLastResult) / elapsedMs) * 1_000,
  };
}

/** One at a time: the next is sent when the result of the last one has been seen. */
export async function measureLatency(subscriber: Subscriber, side: Side, samples: number): Promise<Latency> {
  const { tally, done } = await paced(subscriber, side, { tasks: samples, outstanding: 1 });
  const latencies = done.sentAt.map((at, index) => (tally.arrivals[index] ?? Number.NaN) - at);
  await side.settle(samples);
  return { medianMs: median(latencies), p95Ms: quantile(latencies, 0.95) };
}

export function sumOf(cpu: CpuByPart): number {
  return Object.values(cpu).reduce((sum, seconds) => sum + seconds, 0);
}
