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
  readonly children?: readonly number[];
}

/** Microseconds by whatever they are counted by. */
type Times = Map<string, number>;

/** No work; what is left is what 100 % are of. The profiler's own is left out as well. */
const noWork = /^\((?:idle|root)\)$|^post {2}node:inspector/;
const ours = /^(?:packages|services)\//;

/**
 * For every profile in the folder: where the time went by package, by the functions that were on top of the stack, and
 * by our own functions with all that they called.
 */
export async function printProfiles(folder: string, say: (line: string) => void): Promise<void> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.cpuprofile')).sort();
  for (const file of files) {
    const profile = JSON.parse(await readFile(join(folder, file), 'utf8')) as CpuProfile;
    const own = ownTimes(profile);
    const byFunction = timesBy(profile, own, nameOf);
    const byPackage = timesBy(profile, own, packageOf);
    const busyUs = [...byFunction.values()].reduce((total, us) => total + us, 0);
    const lastedUs = profile.timeDeltas.reduce((total, delta) => total + delta, 0);
    const lines = (title: string, times: Times, count: number) => [
      `  ${title}`,
      ...ranked(times, busyUs, count),
    ];
    const share = Math.round((busyUs / lastedUs) * 100);
    say(
      `\n${basename(file, '.cpuprofile')}: at work for ${(busyUs / 1e6).toFixed(1)} s, ${share} % of the time`,
    );
    for (const line of lines('by package', byPackage, 16)) say(line);
    for (const line of lines('by function, itself', byFunction, 32)) say(line);
    for (const line of lines('by function of ours, with what it called', withCalled(profile, own), 32))
      say(line);
  }
}

/** Of each node, by id. */
function ownTimes({ nodes, samples, timeDeltas }: CpuProfile): Map<number, number> {
  const names = new Map(nodes.map((node) => [node.id, nameOf(node)]));
  const own = new Map<number, number>();
  for (const [index, id] of samples.entries()) {
    if (noWork.test(names.get(id) ?? '')) continue;
    own.set(id, (own.get(id) ?? 0) + (timeDeltas[index] ?? 0));
  }
  return own;
}

function timesBy({ nodes }: CpuProfile, own: Map<number, number>, key: (node: ProfileNode) => string): Times {
  const times: Times = new Map();
  for (const node of nodes) {
    const us = own.get(node.id) ?? 0;
    if (us > 0) times.set(key(node), (times.get(key(node)) ?? 0) + us);
  }
  return times;
}

/** A function that stands several times on a stack is counted once: at its lowest place. */
function withCalled({ nodes }: CpuProfile, own: Map<number, number>): Times {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const times: Times = new Map();

  function visit(node: ProfileNode, above: ReadonlySet<string>): number {
    const name = nameOf(node);
    const counts = ours.test(shortPath(node.callFrame.url)) && !above.has(name);
    const below = counts ? new Set(above).add(name) : above;
    let us = own.get(node.id) ?? 0;
    for (const id of node.children ?? []) {
      const child = byId.get(id);
      if (child) us += visit(child, below);
    }
    if (counts && us > 0) times.set(name, (times.get(name) ?? 0) + us);
    return us;
  }

  const [root] = nodes;
  if (root) visit(root, new Set());
  return times;
}

function ranked(times: Times, totalUs: number, count: number): string[] {
  return [...times]
    .sort(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([key, us]) => `  ${((us / totalUs) * 100).toFixed(1).padStart(5)} %  ${key}`);
}

function nameOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  if (url === '') return functionName || '(anonymous)';
  return `${functionName || '(anonymous)'}  ${shortPath(url)}:${lineNumber + 1}`;
}

function packageOf({ callFrame: { functionName, url } }: ProfileNode): string {
  if (url === '') return functionName.startsWith('(') ? functionName : '(native)';
  if (url.startsWith('node:')) return url.split('/').slice(0, 2).join('/');
  const inModules = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/.exec(url)?.[1];
  return inModules ?? shortPath(url).split('/').slice(0, 4).join('/');
}

function shortPath(url: string): string {
  return url.replace(/^.*node_modules\//, '').replace(/^file:.*?\/(?=(?:packages|services|bench)\/)/, '');
}
