import { posix } from 'node:path';
import { type Fault, isTestCode, type SourceFile } from '../source-tree.ts';
import { lineAt } from '../code-mask.ts';

/** How high a package stands: it may import lower ones only. `@tenma/workers` is loaded by name, at run time. */
export const levels: Readonly<Record<string, number>> = {
  'packages/protocol': 0,
  'packages/runtime': 0,
  'packages/fleet': 1,
  'packages/geo': 1,
  'packages/topology': 1,
  'packages/bus': 2,
  'packages/results': 2,
  'packages/store': 2,
  'packages/worker': 3,
  'packages/client': 3,
  'packages/workers': 4,
  'packages/console': 4,
  'services/le': 4,
  'services/ic': 4,
  'services/wee': 4,
  'services/dev': 5,
  'packages/cli': 6,
};

/** The only folders that may import a driver. */
export const drivers: Readonly<Record<string, string>> = {
  amqplib: 'packages/bus/src/amqp',
  mqtt: 'packages/results/src',
  aedes: 'packages/results/src',
  ws: 'packages/results/src',
  pg: 'packages/store/src',
  'node:sqlite': 'packages/store/src',
  fastify: 'services/le/src',
};

/** What opens sockets and files behind an interface. */
const adapters = /^@tenma\/(?:bus|results|store)\/(?:amqp|memory|mqtt|embedded|sqlite|postgres)$/;

export interface Import {
  readonly from: SourceFile;
  readonly line: number;
  readonly specifier: string;
}

/** Every import, export from and dynamic import of a literal, types included. */
export function importsOf(file: SourceFile): Import[] {
  const found: Import[] = [];
  const pattern = /\b(?:import|export)\b[^;'"]*?\bfrom\s*(['"])|\bimport\s*\(?\s*(['"])/g;
  for (const match of file.code.matchAll(pattern)) {
    const start = match.index + match[0].length;
    const end = file.code.indexOf(match[1] ?? match[2] ?? "'", start);
    found.push({ from: file, line: lineAt(file.text, start), specifier: file.text.slice(start, end) });
  }
  return found;
}

/** `packages/bus` for a file below it, and for `@tenma/bus/amqp`; undefined outside of packages and services. */
export function packageOf(path: string): string | undefined {
  return /^(?:packages|services)\/[^/]+/.exec(path)?.[0];
}

function targetOf({ from, specifier }: Import): string | undefined {
  if (specifier.startsWith('.')) return packageOf(posix.join(posix.dirname(from.path), specifier));
  const name = /^@tenma\/([^/]+)/.exec(specifier)?.[1];
  return Object.keys(levels).find((path) => path.endsWith(`/${name}`));
}

const fault = ({ from, line }: Import, what: string): Fault => ({ path: from.path, line, what });

/** Imports point down only; services meet on the wire, but for the one that wires them all. */
export function upwardImports(tree: readonly SourceFile[]): Fault[] {
  return tree.flatMap((file) => {
    const own = packageOf(file.path);
    if (own === undefined) return [];
    const level = levels[own];
    if (level === undefined)
      return [{ path: file.path, what: `${own} has no level: give it one in test/repo` }];
    return importsOf(file).flatMap((one) => {
      const target = targetOf(one);
      if (target === undefined || target === own) return [];
      return (levels[target] ?? Infinity) < level
        ? []
        : [fault(one, `imports ${target}, which is not below ${own}`)];
    });
  });
}

/** A package is entered by its exports, not by a path into its folder. */
export function pathsIntoOtherPackages(tree: readonly SourceFile[]): Fault[] {
  return tree.flatMap((file) =>
    importsOf(file)
      .filter((one) => one.specifier.startsWith('.') && packageOf(file.path) !== undefined)
      .filter((one) => targetOf(one) !== packageOf(file.path))
      .map((one) => fault(one, `leaves its package by ${one.specifier}`)),
  );
}

/** Each driver in its folder. Tests may use one to look from outside. */
export function strayDrivers(tree: readonly SourceFile[]): Fault[] {
  return tree
    .filter(({ path }) => packageOf(path) !== undefined && !isTestCode(path))
    .flatMap(importsOf)
    .flatMap((one) => {
      const driver = Object.keys(drivers).find(
        (name) =>
          one.specifier === name ||
          one.specifier.startsWith(`${name}/`) ||
          one.specifier.startsWith(`@${name}/`),
      );
      const folder = driver === undefined ? undefined : drivers[driver];
      return folder === undefined || one.from.path.startsWith(`${folder}/`)
        ? []
        : [fault(one, `imports ${one.specifier}, which belongs to ${folder}`)];
    });
}

/** Only where a process is put together does an adapter have a name. */
export function strayAdapters(tree: readonly SourceFile[]): Fault[] {
  return tree
    .filter(({ path }) => packageOf(path) !== undefined && !isTestCode(path) && !isMain(path))
    .flatMap(importsOf)
    .filter(({ specifier }) => adapters.test(specifier))
    .map((one) => fault(one, `names the adapter ${one.specifier}: only a main.ts does`));
}

function isMain(path: string): boolean {
  return /^services\/[^/]+\/src\/main\.ts$/.test(path) || path === 'services/dev/src/ports.ts';
}
