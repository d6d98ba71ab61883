import { readdir, readFile, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';

const indexFiles = ['index.js', 'index.mjs', 'index.ts'];

/** Whether a package is given by a path, from the working folder where it is relative; else it is a name. */
export function isPath(specifier: string): boolean {
  return isAbsolute(specifier) || /^\.{1,2}([/\\]|$)/.test(specifier);
}

/**
 * The module that a package stands for: a file itself, of a folder what its package.json (`exports`, or `main` with what
 * Node adds to it) or an index file says. What is named may be missing.
 * @throws Error saying what is missing, or what is wrong with the package.json
 */
export async function entryOfPackage(path: string): Promise<string> {
  if (!(await stat(path)).isDirectory()) return path;
  const files = await readdir(path);
  const named = files.includes('package.json') ? await namedEntry(path) : undefined;
  const entry = named ?? indexFiles.find((file) => files.includes(file));
  if (entry === undefined) {
    throw new Error(`there is no package.json with exports or main, and no ${indexFiles.join(' or ')}`);
  }
  return join(path, entry);
}

/** What `import` of the package would load, by its package.json. */
async function namedEntry(folder: string): Promise<string | undefined> {
  const manifest = await readJson(join(folder, 'package.json'));
  if (typeof manifest !== 'object' || manifest === null) return undefined;
  const { exports, main } = manifest as { exports?: unknown; main?: unknown };
  return conditional(exports) ?? (typeof main === 'string' ? mainFile(folder, main) : undefined);
}

/** Of `exports` Node takes nothing but the file that it names; `main` may lack its suffix, or be a folder. */
async function mainFile(folder: string, main: string): Promise<string> {
  for (const file of [main, `${main}.js`, join(main, 'index.js')]) {
    const found = await stat(join(folder, file)).catch(() => null);
    if (found?.isFile() === true) return file;
  }
  return main;
}

async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8');
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${file}: ${(cause as Error).message}`, { cause });
  }
}

function conditional(target: unknown): string | undefined {
  if (typeof target === 'string') return target;
  if (typeof target !== 'object' || target === null) return undefined;
  for (const [condition, below] of Object.entries(target)) {
    if (!['.', 'import', 'node', 'default'].includes(condition)) continue;
    const found = conditional(below);
    if (found !== undefined) return found;
  }
  return undefined;
}
