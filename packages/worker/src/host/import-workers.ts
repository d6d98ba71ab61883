import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { type AnyWorker, isWorker } from '../define-worker.ts';
import { entryOfPackage, isPath } from './package-entry.ts';

/**
 * The workers that a package exports: a file URL, a path of a file or a package's folder (a relative one from the working
 * folder) or the name of a package.
 * @throws Error naming the package, when it cannot be imported in time or its default export is something else.
 */
export async function importWorkers(specifier: string, withinMs: number): Promise<AnyWorker[]> {
  const module = await importModule(specifier, withinMs);
  const found: unknown = 'default' in module ? module['default'] : undefined;
  const list: unknown[] = Array.isArray(found) ? found : [found];
  if (!list.every(isWorker)) {
    throw new Error(`${specifier}: the default export has to be a worker or an array of workers`);
  }
  return list;
}

async function importModule(specifier: string, withinMs: number): Promise<Record<string, unknown>> {
  const enough = new AbortController();
  const late = async (): Promise<never> => {
    await wait(withinMs, undefined, { signal: enough.signal });
    throw new Error(`its modules did not load within ${withinMs} ms`);
  };
  try {
    const importing = urlOf(specifier).then((url) => import(url) as Promise<Record<string, unknown>>);
    return await Promise.race([importing, late()]);
  } catch (cause) {
    throw new Error(`${specifier}: ${messageOf(cause)}`, { cause });
  } finally {
    enough.abort();
  }
}

/** Where nothing is, the import says so. */
async function moduleAt(path: string): Promise<string> {
  return existsSync(path) ? entryOfPackage(path) : path;
}

/** What Node says of the way by which it looked is of this file, and not of the package. */
function messageOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.message
    .replace(/\nRequire stack:[^]*$/, '')
    .replace(` imported from ${import.meta.filename}`, '');
}

async function urlOf(specifier: string): Promise<string> {
  if (specifier.startsWith('file:')) return specifier;
  if (isPath(specifier)) {
    return pathToFileURL(await moduleAt(resolve(specifier))).href;
  }
  try {
    return import.meta.resolve(specifier);
  } catch {
    // Not beside the SDK: a package of the project that the WEE was started in.
    return pathToFileURL(createRequire(join(process.cwd(), 'x.js')).resolve(specifier)).href;
  }
}
