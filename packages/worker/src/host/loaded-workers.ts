import { inspect } from 'node:util';
import { taskError } from '@tenma/protocol';
import type { AnyWorker } from '../define-worker.ts';
import { describeThrown } from '../failure.ts';
import { taskTypeOf } from '../task-type-of.ts';
import { importWorkers } from './import-workers.ts';
import type { LoadFault, WorkerVersion } from './messages.ts';

/** What came of packages that were to be loaded. */
export interface Loading {
  readonly workers: WorkerVersion[];
  readonly faults: LoadFault[];
}

/** The workers of one process, by type and version: the same type can be there in several versions. */
export interface LoadedWorkers {
  /** Never rejects. A package that was loaded before gives the same again; of one that fails nothing is taken. */
  load(specifiers: readonly string[]): Promise<Loading>;
  find(type: string, version: string): AnyWorker | undefined;
  /** Each as `type@version`. */
  readonly names: readonly string[];
}

export interface LoadedWorkersOptions {
  /** For one package; one that takes longer to import is a fault, and the others do not wait for it. */
  readonly importWithinMs: number;
}

type Imported = { specifier: string; found: { worker: AnyWorker; version: WorkerVersion }[] } | LoadFault;

/** Of a stack, in characters. */
const stackMax = 8 * 1024;

export function createLoadedWorkers({ importWithinMs }: LoadedWorkersOptions): LoadedWorkers {
  const workers = new Map<string, AnyWorker>();
  const packages = new Map<string, Loading>();

  async function read(specifier: string): Promise<Imported> {
    try {
      const found = await importWorkers(specifier, importWithinMs);
      return {
        specifier,
        found: found.map((worker) => ({ worker, version: { specifier, type: taskTypeOf(worker) } })),
      };
    } catch (thrown) {
      return faultOf(specifier, thrown);
    }
  }

  /** In the order of the list, so that it does not depend on the disk which one of two equal workers is taken. */
  function take(imported: Imported): Loading {
    const { specifier } = imported;
    if ('error' in imported) return { workers: [], faults: [imported] };
    const known = packages.get(specifier);
    if (known !== undefined) return known;
    const loading: Loading = { workers: [], faults: [] };
    for (const { worker, version } of imported.found) {
      const name = nameOf(worker.type, worker.version);
      if (workers.has(name)) {
        loading.faults.push(faultOf(specifier, new Error(`${specifier}: ${name} is loaded already`)));
        continue;
      }
      workers.set(name, worker);
      loading.workers.push(version);
    }
    packages.set(specifier, loading);
    return loading;
  }

  return {
    async load(specifiers) {
      const loadings = (await Promise.all(specifiers.map(read))).map(take);
      return {
        workers: loadings.flatMap((loading) => loading.workers),
        faults: loadings.flatMap((loading) => loading.faults),
      };
    },
    find: (type, version) => workers.get(nameOf(type, version)),
    get names() {
      return [...workers.keys()];
    },
  };
}

function nameOf(type: string, version: string): string {
  return `${type}@${version}`;
}

function faultOf(specifier: string, thrown: unknown): LoadFault {
  const { name, message } = describeThrown(thrown);
  const error = { ...taskError('worker_error', message), retryable: false, name };
  return { specifier, error, stack: inspect(thrown).slice(0, stackMax) };
}
