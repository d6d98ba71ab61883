import { lineAt } from '../code-mask.ts';
import { type Fault, isTestCode, type SourceFile } from '../source-tree.ts';
import { packageOf } from './imports.ts';

/** A file, or a folder with `/` behind it, that may do what others may not. */
export interface Allowance {
  readonly path: string;
  readonly reason: string;
}

/** Who may look at the clock of the machine, set its timers, or throw its dice. */
export const ownTime: readonly Allowance[] = [
  { path: 'packages/runtime/src/', reason: 'holds the clock that everybody else is given' },
  {
    path: 'packages/worker/src/host/',
    reason: 'is the program of a process of its own, which watches its parent',
  },
  { path: 'packages/worker/src/clock.ts', reason: 'holds the clock that workers are given' },
  { path: 'packages/workers/src/', reason: 'measures real targets; workers are given no clock' },
  {
    path: 'packages/client/src/',
    reason: 'runs in the processes of others and stands on the protocol alone',
  },
  { path: 'packages/cli/src/', reason: 'is a program for a terminal' },
  {
    path: 'packages/store/src/postgres/database.ts',
    reason: 'spreads its reconnections; stores are given no dice yet',
  },
];

/** Who may read the environment, beside every main.ts and config.ts. */
export const ownEnvironment: readonly Allowance[] = [
  { path: 'packages/worker/src/host/', reason: 'is the program of a process of its own' },
  { path: 'packages/workers/src/icmp/run-ping.ts', reason: 'hands PATH on to the program that it starts' },
];

/** Module-level state that may change. */
export const ownState: readonly Allowance[] = [];

interface Finding extends Fault {
  readonly path: string;
}

function find(tree: readonly SourceFile[], pattern: RegExp, what: (found: string) => string): Finding[] {
  return tree
    .filter(({ path }) => packageOf(path) !== undefined && !isTestCode(path))
    .flatMap(({ path, text, code }) =>
      [...code.matchAll(pattern)].map(({ 0: found, index }) => ({
        path,
        line: lineAt(text, index),
        what: what(found.trim().replace(/\s+/g, ' ')),
      })),
    );
}

function covers({ path }: Allowance, file: string): boolean {
  return path.endsWith('/') ? file.startsWith(path) : file === path;
}

/** What no allowance covers; and allowances that cover nothing, which have to go. */
function judged(findings: readonly Finding[], allowed: readonly Allowance[]): Fault[] {
  const idle = allowed.filter((one) => !findings.some(({ path }) => covers(one, path)));
  return [
    ...findings.filter(({ path }) => !allowed.some((one) => covers(one, path))),
    ...idle.map(({ path }) => ({ path, what: 'needs its allowance no more: take it off the list' })),
  ];
}

const isEdge = (path: string) => /\/src\/(?:main|config)\.ts$/.test(path);

/** Time and chance are passed in, so that a test or a simulation can own them. Handing them on is for a main.ts. */
export function strayTime(tree: readonly SourceFile[], allowed = ownTime): Fault[] {
  const pattern =
    /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bMath\.random\b|(?<![.#\w])(?:setTimeout|setInterval)\(|\bnode:timers\b/g;
  const findings = find(
    tree,
    pattern,
    (found) => `uses ${found.replace('(', '')}: take the clock or the dice as a component`,
  );
  return judged(
    findings.filter(({ path }) => !path.endsWith('/src/main.ts')),
    allowed,
  );
}

/** The environment is read once, at the edge. */
export function strayEnvironment(tree: readonly SourceFile[], allowed = ownEnvironment): Fault[] {
  const findings = find(
    tree,
    /\bprocess\.env\b/g,
    (found) => `reads ${found}: only a config.ts or a main.ts does`,
  );
  return judged(
    findings.filter(({ path }) => !isEdge(path)),
    allowed,
  );
}

/** Nothing lives in a module: any number of everything can live in one process. */
export function strayState(tree: readonly SourceFile[], allowed = ownState): Fault[] {
  const variable = /^(?:export )?(?:let|var) \w+/gm;
  const collection =
    /^(?:export )?const \w+(?:: [^=\n]+)? = (?:new (?:Weak)?(?:Map|Set)(?:<[^()\n]*>)?\(\)|\[\]);/gm;
  const what = (found: string) => `keeps state in a module: ${found}`;
  return judged([...find(tree, variable, what), ...find(tree, collection, what)], allowed);
}
