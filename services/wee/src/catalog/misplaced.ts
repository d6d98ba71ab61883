import type { Dirent } from 'node:fs';
import { join } from 'node:path';

/** What lies in one folder, told apart. `stray`: paths of what looks like a worker, where none is looked for. */
export interface SortedEntries {
  readonly versions: readonly string[];
  readonly stray: readonly string[];
}

const moduleFile = /\.(?:ts|js|mjs)$/;
const indexFile = /^index\.(?:ts|js|mjs)$/;

/** The folders of packages in the watched directory; what is installed there belongs to all of them. */
export function isPackageFolder(entry: Dirent): boolean {
  return !entry.isFile() && !entry.name.startsWith('.') && entry.name !== 'node_modules';
}

/** Modules that lie in the watched directory itself. */
export function strayModules(directory: string, entries: readonly Dirent[]): string[] {
  return entries.filter(isModule).map(({ name }) => join(directory, name));
}

/**
 * Of a folder in it: the versions, and folders and modules under another name. A package that lies there whole, without
 * a folder for its version, is one stray thing and not as many as it has files.
 */
export function sortEntries(
  folder: string,
  entries: readonly Dirent[],
  isVersion: (text: string) => boolean,
): SortedEntries {
  const versions = entries
    .map(({ name }) => name)
    .filter((name) => isVersion(name) || isVersion(name.replace(moduleFile, '')));
  const names = entries.map(({ name }) => name);
  const isWhole =
    names.some((name) => indexFile.test(name)) || (versions.length === 0 && names.includes('package.json'));
  if (isWhole) return { versions, stray: [folder] };
  const others = entries.filter((entry) => !versions.includes(entry.name));
  const stray = others.filter((entry) => isPackageFolder(entry) || isModule(entry));
  return { versions, stray: stray.map(({ name }) => join(folder, name)) };
}

const isModule = (entry: Dirent) =>
  entry.isFile() &&
  moduleFile.test(entry.name) &&
  !entry.name.startsWith('.') &&
  !entry.name.endsWith('.d.ts');
