import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** The part of V8's profile that is read. */
interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

const shown = 40;
/** No work: the rest is what 100 % are of. */
const idle = new Set(['(idle)', '(root)']);

/** For every profile in the folder: the functions by the time spent in themselves, and the same by package. */
export async function printProfiles(folder: string, say: (line: string) => void): Promise<void> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.cpuprofile')).sort();
  for (const file of files) {
    const profile = JSON.parse(await readFile(join(folder, file), 'utf8')) as CpuProfile;
    const byFunction = selfTimes(profile, nameOf);
    const byModule = selfTimes(profile, moduleOf);
    const busyUs = sum(byFunction);
    const totalUs = profile.timeDeltas.reduce((total, delta) => total + delta, 0);
    const share = Math.round((busyUs / totalUs) * 100);
    say(`\n${basename(file, '.cpuprofile')}: busy ${(busyUs / 1e6).toFixed(1)} s (${share} % of the time)`);
    for (const line of ranked(byModule, busyUs, 15)) say(line);
    say('  --');
    for (const line of ranked(byFunction, busyUs, shown)) say(line);
  }
}

function selfTimes({ nodes, samples, timeDeltas }: CpuProfile, keyOf: (node: ProfileNode) => string) {
  const keys = new Map(nodes.map((node) => [node.id, keyOf(node)]));
  const times = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const key = keys.get(id) ?? '?';
    if (!idle.has(key)) times.set(key, (times.get(key) ?? 0) + (timeDeltas[index] ?? 0));
  }
  return times;
}

function ranked(times: ReadonlyMap<string, number>, totalUs: number, count: number): string[] {
  return [...times]
    .sort(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([key, us]) => `  ${((us / totalUs) * 100).toFixed(1).padStart(5)} %  ${key}`);
}

function nameOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  if (url === '') return functionName;
  return `${functionName || '(anonymous)'}  ${shortPath(url)}:${lineNumber + 1}`;
}

function moduleOf({ callFrame: { functionName, url } }: ProfileNode): string {
  if (url === '') return functionName.startsWith('(') ? functionName : '(native)';
  if (url.startsWith('node:')) return url.split('/').slice(0, 2).join('/');
  const inModules = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/.exec(url)?.[1];
  return inModules ?? shortPath(url).split('/').slice(0, 4).join('/');
}

function shortPath(url: string): string {
  return url.replace(/^.*node_modules\//, '').replace(/^file:.*?\/(?=(?:packages|services|bench)\/)/, '');
}

function sum(times: ReadonlyMap<string, number>): number {
  return [...times.values()].reduce((total, us) => total + us, 0);
}
