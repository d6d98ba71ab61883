import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { maskCode } from './code-mask.ts';

/** One file of the repository. `code` is its text without comments and the insides of strings. */
export interface SourceFile {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly code: string;
}

/** A fault that a rule found: where, and what is wrong with it. */
export interface Fault {
  readonly path: string;
  readonly line?: number;
  readonly what: string;
}

export const root = fileURLToPath(new URL('../..', import.meta.url));

const skippedNames = new Set(['node_modules', 'dist']);
const skippedPaths = new Set(['.git', 'coverage', 'data', 'bench/results']);

/** Every path below these folders, files only, sorted. */
export function filesBelow(...folders: readonly string[]): string[] {
  const found: string[] = [];
  const walk = (folder: string) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!skippedNames.has(entry.name) && !skippedPaths.has(path)) walk(path);
      } else found.push(path);
    }
  };
  // A folder that is still empty is not in a clone.
  for (const folder of folders) if (existsSync(join(root, folder))) walk(folder);
  return found.sort();
}

/** The TypeScript files of the repository. */
export function sourceTree(): SourceFile[] {
  const paths = filesBelow('packages', 'services', 'test', 'tools', 'bench', 'examples');
  return treeOf(
    Object.fromEntries(
      paths
        .filter((path) => path.endsWith('.ts'))
        .map((path) => [path, readFileSync(join(root, path), 'utf8')]),
    ),
  );
}

/** A tree that a test makes up: path → text. */
export function treeOf(files: Readonly<Record<string, string>>): SourceFile[] {
  return Object.entries(files).map(([path, text]) => ({ path, text, code: maskCode(text) }));
}

/** Faults as lines, for a failure that names every place. */
export function report(faults: readonly Fault[]): string[] {
  return faults.map(({ path, line, what }) => `${path}${line === undefined ? '' : `:${line}`} ${what}`);
}

/** Code of tests and what supports them: not part of what runs. */
export function isTestCode(path: string): boolean {
  return (
    path.startsWith('test/') ||
    /\.(test|contract|child)\.ts$/.test(path) ||
    /\/(contract|fixtures|test-servers|testing)\//.test(path) ||
    path.endsWith('/testing.ts')
  );
}
