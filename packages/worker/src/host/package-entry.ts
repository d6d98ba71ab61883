import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

const indexFiles = ['index.js', 'index.mjs', 'index.ts'];

/** The module that a package stands for: a file itself, of a folder what its package.json or an index file says. @throws Error saying what is missing */
export async function entryOfPackage(path: string): Promise<string> {
  if (!(await stat(path)).isDirectory()) return path;
  const files = await readdir(path);
  const named = files.includes('package.json')
    ? entryOf(JSON.parse(await readFile(join(path, 'package.json'), 'utf8')))
    : undefined;
  const entry = named ?? indexFiles.find((file) => files.includes(file));
  if (entry === undefined) {
    throw new Error(`there is no package.json with exports or main, and no ${indexFiles.join(' or ')}`);
  }
  return join(path, entry);
}

/** What `import` of the package would load, by its package.json. */
function entryOf(manifest: unknown): string | undefined {
  if (typeof manifest !== 'object' || manifest === null) return undefined;
  const { exports, main } = manifest as { exports?: unknown; main?: unknown };
  return conditional(exports) ?? (typeof main === 'string' ? main : undefined);
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
