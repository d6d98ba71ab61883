import type { CpuByPart } from './cpu.ts';
import type { Drain } from './drain.ts';
import { verdict } from './goals.ts';
import type { Machine } from './machine.ts';
import type { StoreKind } from './options.ts';
import type { Measured, Round, StoreFigures } from './rounds.ts';
import { sumOf } from './run.ts';
import { median } from './statistics.ts';

const storeNames: Record<StoreKind, string> = { postgres: 'PostgreSQL', sqlite: 'SQLite' };

export function machineLine({ cores, cpu, memoryGib, node, loadBefore }: Machine): string {
  return `${cores} cores (${cpu}), ${memoryGib} GiB, Node ${node}, load before ${loadBefore}`;
}

/** Medians over the rounds; the ratios are of the pairs. */
export function summaryOf(rounds: readonly Round[]) {
  const over = (pick: (measured: Measured) => number) => {
    const floor = median(rounds.map((round) => pick(round.floor)));
    const tenma = median(rounds.map((round) => pick(round.tenma)));
    const ratio = median(rounds.map((round) => pick(round.tenma) / pick(round.floor)));
    return { floor, tenma, ratio };
  };
  return {
    tasksPerSecond: over((measured) => measured.tasksPerSecond),
    latencyMedianMs: over((measured) => measured.latency.medianMs),
    latencyP95Ms: over((measured) => measured.latency.p95Ms),
    cpuMsPerTask: over((measured) => sumOf(measured.cpu)),
    busyCpus: over((measured) => measured.busyCpus),
    duplicates: over((measured) => measured.duplicates),
  };
}

export function storeReport(store: StoreKind, { rounds, peakRssMib }: StoreFigures): string {
  const summary = summaryOf(rounds);
  const line = (what: string, { floor, tenma, ratio }: typeof summary.busyCpus, goal = '') =>
    row(what, figure(floor), figure(tenma), ratio.toFixed(2), goal);
  const { tasksPerSecond, latencyMedianMs } = summary;
  return [
    `Tenma on ${storeNames[store]}: medians of ${rounds.length} rounds, results of ${rounds[0]?.tenma.resultBytes ?? 0} bytes`,
    row('', 'floor', 'Tenma', 'ratio', 'goal'),
    line('throughput, tasks/s', tasksPerSecond, verdict('throughputRatio', tasksPerSecond.ratio)),
    line('latency, median ms', latencyMedianMs, verdict('latencyRatio', latencyMedianMs.ratio)),
    line('latency, p95 ms', summary.latencyP95Ms),
    line('CPU of all, s per 1,000 tasks', summary.cpuMsPerTask),
    line('CPUs kept busy', summary.busyCpus),
    row('duplicates a run', figure(summary.duplicates.floor), figure(summary.duplicates.tenma), '', ''),
    '',
    row('CPU s per 1,000 tasks', 'floor', 'Tenma', '', ''),
    ...cpuLines(rounds),
    '',
    ...rssLines(peakRssMib),
  ].join('\n');
}

function cpuLines(rounds: readonly Round[]): string[] {
  const medians = (cpus: readonly CpuByPart[]): CpuByPart =>
    Object.fromEntries(
      Object.keys(cpus[0] ?? {}).map((name) => [name, median(cpus.map((cpu) => cpu[name] ?? 0))]),
    );
  const floor = medians(rounds.map((round) => round.floor.cpu));
  const tenma = medians(rounds.map((round) => round.tenma.cpu));
  const names = [...new Set([...Object.keys(tenma), ...Object.keys(floor)])];
  const cell = (value: number | undefined) => (value === undefined ? '' : value.toFixed(3));
  return names.map((name) => row(`  ${name}`, cell(floor[name]), cell(tenma[name]), '', ''));
}

function rssLines(peaks: Readonly<Record<string, number>>): string[] {
  const worst = Math.max(...Object.values(peaks));
  const each = Object.entries(peaks).map(([name, mib]) => `${name} ${mib.toFixed(0)}`);
  return [`peak RSS, MiB: ${each.join(', ')} (each ${verdict('peakRssMib', worst)})`];
}

export function drainReport(store: StoreKind, [small, large]: readonly [Drain, Drain]): string {
  const ratio = large.tasksPerSecond / small.tasksPerSecond;
  const count = (tasks: number) => tasks.toLocaleString('en');
  const pair = (what: string, a: number, b: number, last = '', goal = '') =>
    row(what, figure(a), figure(b), last, goal);
  return [
    `Draining a backlog, Tenma on ${storeNames[store]}`,
    row('', count(small.tasks), count(large.tasks), 'ratio', 'goal'),
    pair(
      'drained, tasks/s',
      small.tasksPerSecond,
      large.tasksPerSecond,
      ratio.toFixed(2),
      verdict('drainRatio', ratio),
    ),
    pair('accepted, tasks/s', small.acceptedPerSecond, large.acceptedPerSecond),
    pair('first result after, ms', small.firstResultAfterMs, large.firstResultAfterMs),
    pair('duplicates', small.duplicates, large.duplicates),
    ...[small, large].flatMap((drain) =>
      rssLines(drain.peakRssMib).map((line) => `${count(drain.tasks)}: ${line}`),
    ),
  ].join('\n');
}

function figure(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return Number.isInteger(value) ? String(value) : value.toFixed(2);
}

function row(what: string, floor: string, tenma: string, ratio: string, goal: string): string {
  return `${what.padEnd(32)}${floor.padStart(10)}${tenma.padStart(10)}${ratio.padStart(8)}  ${goal}`.trimEnd();
}
