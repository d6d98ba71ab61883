import { readdirSync, readFileSync } from 'node:fs';

/**
 * What processes use, read from /proc (Linux only): utime, stime and the peak of the resident set. A clock tick is
 * 10 ms on every Linux that Node runs on, which is 0.1 % of a run of 10 s.
 */
const ticksPerSecond = 100;

interface Stat {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
  /** Ticks of the process and of its children that ended and were waited for. */
  readonly ticks: number;
  readonly ticksAlone: number;
}

/** Cumulative CPU seconds by the name of a part, such as `LE` or `RabbitMQ`. */
export type CpuByPart = Readonly<Record<string, number>>;

export interface Part {
  readonly name: string;
  readonly pid: number;
  /** Its descendants: counted with it (a server and its backends), not at all, or as parts of their own (workers). */
  readonly children: 'together' | 'apart' | { readonly each: string };
}

function readStat(pid: number): Stat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The command stands in parentheses and may hold spaces; what follows is separated by one space each.
  const end = text.lastIndexOf(')');
  const fields = text.slice(end + 2).split(' ');
  const [utime = 0, stime = 0, childrenUser = 0, childrenSystem = 0] = fields.slice(11, 15).map(Number);
  return {
    pid,
    parent: Number(fields[1]),
    command: text.slice(text.indexOf('(') + 1, end),
    ticks: utime + stime + childrenUser + childrenSystem,
    ticksAlone: utime + stime,
  };
}

function readAll(): Stat[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => readStat(Number(pid)) ?? []);
}

function descendants(all: readonly Stat[], pid: number): Stat[] {
  const children = all.filter((stat) => stat.parent === pid).sort((a, b) => a.pid - b.pid);
  return children.flatMap((child) => [child, ...descendants(all, child.pid)]);
}

/** The direct child of this process that runs `command`; servers started by somebody else's code do not say their pid. */
export function childPid(command: string): number {
  const found = readAll().find((stat) => stat.parent === process.pid && stat.command.startsWith(command));
  if (!found) throw new Error(`no child process runs ${command}`);
  return found.pid;
}

/** The process and its descendants. */
export function processTree(pid: number): number[] {
  return [pid, ...descendants(readAll(), pid).map((stat) => stat.pid)];
}

/** Cumulative CPU seconds of each part; subtract two readings with {@link cpuBetween}. */
export function readCpu(parts: readonly Part[]): CpuByPart {
  const all = readAll();
  const seconds: Record<string, number> = {};
  for (const { name, pid, children } of parts) {
    const own = all.find((stat) => stat.pid === pid);
    const below = descendants(all, pid);
    if (children === 'together') {
      const ticks = [own, ...below].reduce((sum, stat) => sum + (stat?.ticks ?? 0), 0);
      seconds[name] = ticks / ticksPerSecond;
    } else {
      seconds[name] = (own?.ticksAlone ?? 0) / ticksPerSecond;
      if (children === 'apart') continue;
      for (const [index, child] of below.entries()) {
        seconds[`${children.each} ${index + 1}`] = child.ticks / ticksPerSecond;
      }
    }
  }
  return seconds;
}

export function cpuBetween(before: CpuByPart, after: CpuByPart): CpuByPart {
  return Object.fromEntries(Object.entries(after).map(([name, at]) => [name, at - (before[name] ?? 0)]));
}

/** The largest resident set so far of each part, in MiB; children that are parts of their own stand by themselves. */
export function peakRssMib(parts: readonly Part[]): Readonly<Record<string, number>> {
  const all = readAll();
  const peaks: Record<string, number> = {};
  for (const { name, pid, children } of parts) {
    peaks[name] = peakOf(pid);
    if (typeof children === 'string') continue;
    for (const [index, child] of descendants(all, pid).entries()) {
      peaks[`${children.each} ${index + 1}`] = peakOf(child.pid);
    }
  }
  return peaks;
}

function peakOf(pid: number): number {
  try {
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return Number(kib) / 1024;
  } catch {
    return Number.NaN;
  }
}
