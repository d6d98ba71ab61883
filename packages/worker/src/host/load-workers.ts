import { createRequire } from 'node:module';
import { isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { TaskType } from '@tenma/protocol';
import { type AnyWorker, isWorker } from '../define-worker.ts';
import { taskTypeOf } from '../task-type-of.ts';

export interface LoadedWorkers {
  /** By type. */
  readonly workers: ReadonlyMap<string, AnyWorker>;
  readonly types: TaskType[];
}

/**
 * Imports worker packages: file URLs, paths (relative ones from the working folder) or package names.
 * @throws Error naming the package, when one cannot be imported, holds no workers, or two define the same type.
 */
export async function loadWorkers(specifiers: readonly string[]): Promise<LoadedWorkers> {
  const packages = await Promise.all(
    specifiers.map(async (specifier) => ({ specifier, found: await importWorkers(specifier) })),
  );
  const workers = new Map<string, AnyWorker>();
  const types: TaskType[] = [];
  for (const { specifier, found } of packages) {
    for (const worker of found) {
      if (workers.has(worker.type))
        throw new Error(`${specifier}: the type "${worker.type}" is defined twice`);
      workers.set(worker.type, worker);
      types.push(taskTypeOf(worker));
    }
  }
  return { workers, types };
}

async function importWorkers(specifier: string): Promise<AnyWorker[]> {
  const module = await importModule(specifier);
  const found: unknown = 'default' in module ? module['default'] : undefined;
  const list: unknown[] = Array.isArray(found) ? found : [found];
  if (!list.every(isWorker)) {
    throw new Error(`${specifier}: the default export has to be a worker or an array of workers`);
  }
  return list;
}

async function importModule(specifier: string): Promise<Record<string, unknown>> {
  try {
    return (await import(urlOf(specifier))) as Record<string, unknown>;
  } catch (cause) {
    throw new Error(`${specifier}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function urlOf(specifier: string): string {
  if (specifier.startsWith('file:')) return specifier;
  if (isAbsolute(specifier) || /^\.{1,2}[/\\]/.test(specifier)) return pathToFileURL(resolve(specifier)).href;
  try {
    return import.meta.resolve(specifier);
  } catch {
    // Not beside the SDK: a package of the project that the WEE was started in.
    return pathToFileURL(createRequire(join(process.cwd(), 'x.js')).resolve(specifier)).href;
  }
}
