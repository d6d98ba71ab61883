import type { Dirent, Stats } from 'node:fs';
import { lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { versionSchema } from '@tenma/protocol';
import { entryOfPackage } from '@tenma/worker/package-entry';
import { isPackageFolder, sortEntries, strayModules } from './misplaced.ts';

/** Where a version of a worker package lies: a folder, or a single file. */
export interface VersionPlace {
  /** Below the watched directory: `NAME/VERSION`, or `NAME/VERSION.ts`. */
  readonly name: string;
  readonly path: string;
}

export interface FoundPlaces {
  readonly places: readonly VersionPlace[];
  /** Folders of packages in which it cannot be told now what is there. */
  readonly unreadable: readonly string[];
  /** Paths of what looks like a worker, and lies where no version is looked for. */
  readonly stray: readonly string[];
}

/** What its files are at a moment. */
export interface VersionFiles {
  /** Another one when a file has changed, come or gone. */
  readonly fingerprint: string;
  /** The last change of any of them, in Unix milliseconds; no copying tool can set it back. */
  readonly changedAt: number;
}

/** `DIRECTORY/NAME/VERSION/` and `DIRECTORY/NAME/VERSION.ts|js|mjs`, in order. @throws when it cannot be read */
export async function findVersionPlaces(directory: string): Promise<FoundPlaces> {
  const places: VersionPlace[] = [];
  const unreadable: string[] = [];
  const top = await readdir(directory, { withFileTypes: true });
  const stray = strayModules(directory, top);
  for (const name of packageNames(top)) {
    const folder = join(directory, name);
    try {
      const sorted = sortEntries(folder, await readdir(folder, { withFileTypes: true }), isVersion);
      places.push(
        ...sorted.versions.map((entry) => ({ name: `${name}/${entry}`, path: join(folder, entry) })),
      );
      stray.push(...sorted.stray);
    } catch (error) {
      if (!isAbsence(error)) unreadable.push(folder);
    }
  }
  return { places, unreadable, stray };
}

/** Folders in the directory that hold versions. @throws when it cannot be read */
export async function findPackageNames(directory: string): Promise<string[]> {
  return packageNames(await readdir(directory, { withFileTypes: true }));
}

const packageNames = (entries: readonly Dirent[]) =>
  entries
    .filter(isPackageFolder)
    .map(({ name }) => name)
    .toSorted();

const isVersion = (text: string) => versionSchema.safeParse(text).success;

/** It is not there, or no folder any more. Any other error tells nothing of what is there. */
const isAbsence = (error: unknown) =>
  ['ENOENT', 'ENOTDIR'].includes(String((error as { code?: unknown }).code));

/** Of a version: the rest of a larger one is taken on trust. */
const filesAtMost = 2_000;

/** By all files of its own: what it depends on (node_modules) is left out. @throws when it goes meanwhile */
export async function readVersionFiles({ path }: VersionPlace): Promise<VersionFiles> {
  const files = [path];
  const folders = (await stat(path)).isDirectory() ? [path] : [];
  // What is found is looked into in its turn, so what lies near the top comes first.
  for (const folder of folders) {
    if (files.length >= filesAtMost) break;
    for (const entry of await readFolder(folder)) {
      const below = join(folder, entry.name);
      files.push(below);
      if (entry.isDirectory() && entry.name !== 'node_modules') folders.push(below);
    }
  }
  return stateOf(files);
}

/**
 * By its folder, what lies directly in it and its entry: little, for who looks again and again.
 * @throws when it goes meanwhile
 */
export async function readVersionSurface({ path }: VersionPlace): Promise<VersionFiles> {
  const inside = (await stat(path)).isDirectory() ? await readFolder(path) : [];
  const entry = await entryOfPackage(path)
    .then((file) => lstat(file).then(() => [file]))
    .catch(() => []);
  return stateOf([path, ...entry, ...inside.map(({ name }) => join(path, name))]);
}

/** What is in it, in order; nothing where that is not for this process to see. @throws when it is gone */
async function readFolder(folder: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (isAbsence(error)) throw error;
    return [];
  }
}

/** The first of them may be a link: what it leads to counts. */
async function stateOf([top = '', ...below]: readonly string[]): Promise<VersionFiles> {
  const lines: string[] = [];
  let changedAt = 0;
  const add = (file: string, { ctimeMs, size }: Stats) => {
    changedAt = Math.max(changedAt, ctimeMs);
    lines.push(`${file} ${size} ${ctimeMs}`);
  };
  add(top, await stat(top));
  for (const file of below.slice(0, filesAtMost)) add(file, await lstat(file));
  return { fingerprint: lines.join('\n'), changedAt };
}
