import { existsSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import type { Clock, Log } from '@tenma/runtime';
import type { WorkerVersion } from '@tenma/worker/messages';
import { isPath } from '@tenma/worker/package-entry';
import type { Spares } from '../processes/interfaces.ts';
import { type DirectoryWatch, watchDirectory } from './directory-watch.ts';
import { packageFrames } from './package-frames.ts';

/** Which versions of which workers this WEE can run. */
export interface Catalog extends AsyncDisposable {
  /** Each type and version once. */
  readonly workers: readonly WorkerVersion[];
  onChange(listener: () => void): Disposable;
}

export interface CatalogComponents {
  readonly clock: Clock;
  readonly log: Log;
  readonly spares: Pick<Spares, 'inspect'>;
}

export interface CatalogOptions {
  /** Module specifiers of worker packages, which have to load. */
  readonly packages: readonly string[];
  /**
   * A folder with `NAME/VERSION/` (a package.json with exports or main, or an index.js, index.mjs or index.ts) and
   * `NAME/VERSION.ts`, `.js` or `.mjs`. It is watched. A version is best moved into it (`mv`) when it is complete: of a
   * copy that pauses for a second, the part that is there is tried.
   */
  readonly directory?: string | undefined;
  /** Of this WEE: workers that require others are left out. */
  readonly labels: readonly string[];
}

/**
 * Resolves when all that is there has been inspected.
 * @throws Error naming the package, when one of `packages` does not load
 */
export async function createCatalog(
  components: CatalogComponents,
  { packages, directory, labels }: CatalogOptions,
): Promise<Catalog> {
  const catalog = new WatchedCatalog(components, labels);
  const found = await Promise.all(packages.map((specifier) => inspect(components.spares, specifier)));
  for (const [index, workers] of found.entries()) catalog.add(packages[index] ?? '', workers);
  if (directory !== undefined) await catalog.watch(directory);
  catalog.begin();
  return catalog;
}

async function inspect(
  spares: CatalogComponents['spares'],
  specifier: string,
): Promise<readonly WorkerVersion[]> {
  // Node would say it of the file that it took the path for, and with frames of its own.
  if (isPath(specifier) && !existsSync(specifier)) {
    const path = resolve(specifier);
    const start = isAbsolute(specifier)
      ? ''
      : '; a relative path starts at the working folder of the process';
    throw new Error(`${specifier}: there is no file or folder ${path}: check the path${start}`);
  }
  try {
    return await spares.inspect(specifier);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = reason.includes(specifier) ? reason : `${specifier}: ${reason}`;
    throw new Error([message, ...whereFrom(specifier, cause)].join('\n'), { cause });
  }
}

/** Lines that lead to what is wrong: where in the package it throws, or that a path was taken for a name. */
function whereFrom(specifier: string, cause: unknown): string[] {
  if (isPath(specifier))
    return packageFrames(cause, dirname(resolve(specifier))).map((frame) => `    at ${frame}`);
  const isMeantAsPath = /\.[cm]?[jt]s$/.test(specifier) || (specifier.includes('/') && existsSync(specifier));
  return isMeantAsPath ? [`That is taken for the name of a package: write ./${specifier} for the file.`] : [];
}

class WatchedCatalog implements Catalog {
  readonly #components: CatalogComponents;
  readonly #labels: ReadonlySet<string>;
  /** Of each package or place what this WEE can run, in the order in which they came. */
  readonly #sources = new Map<string, readonly WorkerVersion[]>();
  readonly #listeners = new Set<() => void>();
  #directory: DirectoryWatch | null = null;
  /** Until then spares would load anew for every package that passes its inspection. */
  #begun = false;
  workers: readonly WorkerVersion[] = [];

  constructor(components: CatalogComponents, labels: readonly string[]) {
    this.#components = components;
    this.#labels = new Set(labels);
  }

  async watch(directory: string): Promise<void> {
    const onFound = (source: string, workers: readonly WorkerVersion[]) => this.add(source, workers);
    const onGone = (source: string) => this.#remove(source);
    // What is imported by a relative path would be taken for the name of a package.
    const path = resolve(directory);
    this.#directory = watchDirectory({ ...this.#components, onFound, onGone }, path);
    await this.#directory.begun;
  }

  /** What was there at the start has been added. */
  begin(): void {
    this.#begun = true;
    this.#changed();
  }

  add(source: string, workers: readonly WorkerVersion[]): void {
    const { log } = this.#components;
    const known = new Map(this.workers.map((worker) => [keyOf(worker), worker.specifier]));
    for (const worker of workers) {
      const { type, version } = worker.type;
      const first = known.get(keyOf(worker));
      if (first !== undefined)
        log.warn(
          { type, version, used: first, unused: worker.specifier },
          `two packages bring ${type} ${version}: the one that was found first is used, as long as it is there; ` +
            'give the other another version, or take one away',
        );
      const lacking = this.#lacking(worker);
      if (lacking.length > 0)
        log.info({ type, version, lacking }, 'left out: it requires labels that this WEE lacks');
      else if (first === undefined) log.info({ type, version, source }, 'version found');
    }
    const usable = workers.filter((worker) => this.#lacking(worker).length === 0);
    this.#sources.set(source, usable);
    this.#changed();
  }

  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear();
    await this.#directory?.[Symbol.asyncDispose]();
  }

  #remove(source: string): void {
    const versions = this.#sources.get(source)?.map(keyOf);
    this.#sources.delete(source);
    this.#components.log.info({ source, versions }, 'versions withdrawn');
    this.#changed();
  }

  #lacking({ type }: WorkerVersion): string[] {
    return (type.requires ?? []).filter((label) => !this.#labels.has(label));
  }

  #changed(): void {
    const workers = new Map<string, WorkerVersion>();
    for (const worker of [...this.#sources.values()].flat()) {
      if (!workers.has(keyOf(worker))) workers.set(keyOf(worker), worker);
    }
    this.workers = [...workers.values()];
    if (!this.#begun) return;
    for (const listener of this.#listeners) listener();
  }
}

const keyOf = ({ type }: WorkerVersion) => `${type.type}@${type.version}`;
