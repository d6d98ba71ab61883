/** `npm run bench`: Tenma as separate processes on real servers, against the least that the same brokers can do. See docs/benchmark.md. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '@tenma/test-support';
import { type Drain, measureDrain } from './drain.ts';
import { goals } from './goals.ts';
import { thisMachine } from './machine.ts';
import { benchOptions, type BenchOptions, type StoreKind, usage } from './options.ts';
import { matrixReport, measureMatrix } from './matrix.ts';
import { measureNodes } from './nodes/measure.ts';
import { nodesReport } from './nodes/report.ts';
import { hopReport, measureHop } from './process-hop/measure.ts';
import { printProfiles } from './profiles.ts';
import { drainReport, machineLine, storeReport, summaryOf } from './report.ts';
import { abandon, withResources } from './resources.ts';
import { measureRounds, type StoreFigures } from './rounds.ts';

/** The whole of it, whatever was asked for. */
const benchWithinMs = 3 * 3_600_000;

const say = (line: string) => console.log(line);

async function roundsOf(store: StoreKind, options: BenchOptions): Promise<StoreFigures> {
  say(`\n${store}: ${options.rounds} rounds of ${options.tasks} tasks and ${options.samples} samples …`);
  const figures = await withResources(async (resources) => {
    const folder = resources.use(await temporaryFolder()).path;
    return measureRounds(resources, store, { ...options, folder, say });
  });
  say(`\n${storeReport(store, figures)}`);
  return figures;
}

async function drainsOf(
  store: StoreKind,
  { backlogs, result }: BenchOptions,
): Promise<readonly [Drain, Drain]> {
  const drain = (tasks: number) =>
    withResources(async (resources) => {
      say(`${store}: a backlog of ${tasks} tasks …`);
      const folder = resources.use(await temporaryFolder()).path;
      return measureDrain(resources, store, { tasks, folder, result });
    });
  const drains = [await drain(backlogs[0]), await drain(backlogs[1])] as const;
  say(`\n${drainReport(store, drains)}\n`);
  return drains;
}

async function nodesOf({ minutes }: BenchOptions): Promise<unknown> {
  const figures = await withResources(async (resources) => {
    const folder = resources.use(await temporaryFolder()).path;
    const wanted = { nodes: 10_000, regions: 50, observers: 2, intervalSeconds: 30, wees: 3 };
    return measureNodes(resources, { ...wanted, minutes, folder, say });
  });
  say(`\n${nodesReport(figures)}\n`);
  return figures;
}

/** What is measured instead of throughput and latency, if anything. */
async function otherFigures(options: BenchOptions): Promise<Record<string, unknown> | null> {
  if (options.workers) {
    const hop = await measureHop(options.rounds);
    say(`\n${hopReport(hop)}\n`);
    return { hop };
  }
  if (options.nodes) return { nodes: await nodesOf(options) };
  if (!options.matrix) return null;
  const matrix = await measureMatrix();
  say(`\n${matrixReport(matrix)}\n`);
  return { matrix };
}

async function bench(options: BenchOptions): Promise<void> {
  const machine = thisMachine();
  say(machineLine(machine));
  if (options.profile !== undefined) await mkdir(options.profile, { recursive: true });
  const stores: Record<string, unknown> = {};
  const others = await otherFigures(options);
  for (const store of others ? [] : options.stores) {
    if (options.drain) stores[store] = { drains: await drainsOf(store, options) };
    else {
      const figures = await roundsOf(store, options);
      stores[store] = { summary: summaryOf(figures.rounds), ...figures };
    }
  }
  const at = new Date().toISOString();
  const { rounds, tasks, samples, result } = options;
  const file =
    options.json ?? fileURLToPath(new URL(`results/${at.replaceAll(':', '-')}.json`, import.meta.url));
  await mkdir(dirname(file), { recursive: true });
  const figures = {
    at,
    machine,
    goals,
    result,
    ...(options.drain ? {} : { rounds, tasks, samples }),
    stores,
    ...others,
  };
  await writeFile(file, `${JSON.stringify(figures, null, 2)}\n`);
  if (options.profile !== undefined) await printProfiles(options.profile, say);
}

let options: BenchOptions | 'help';
try {
  options = benchOptions(process.argv.slice(2));
} catch (error) {
  console.error(`${String((error as Error).message)}\n\n${usage}`);
  process.exit(2);
}
if (options === 'help') {
  console.log(usage);
  process.exit(0);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void abandon(130));
setTimeout(() => {
  console.error(`the bench took longer than ${benchWithinMs / 3_600_000} hours`);
  void abandon(1);
}, benchWithinMs).unref();
await bench(options);
