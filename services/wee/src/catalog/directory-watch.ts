import { type FSWatcher, watch } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Clock, every, type Log } from '@tenma/runtime';
import type { WorkerVersion } from '@tenma/worker/messages';
import { entryOfPackage } from '@tenma/worker/package-entry';
import type { Spares } from '../processes/interfaces.ts';
import { createDirectoryLog, type DirectoryLog } from './directory-log.ts';
import {
  findPackageNames,
  findVersionPlaces,
  type FoundPlaces,
  readVersionFiles,
  readVersionSurface,
  type VersionPlace,
} from './version-places.ts';

/** A directory of worker packages, as it changes. */
export interface DirectoryWatch extends AsyncDisposable {
  /** Resolves when what lay there at the start has been inspected. */
  readonly begun: Promise<void>;
}

interface Components {
  readonly clock: Clock;
  readonly log: Log;
  readonly spares: Pick<Spares, 'inspect'>;
  /** A version has passed inspection. */
  readonly onFound: (source: string, workers: readonly WorkerVersion[]) => void;
  /** Its files are gone. */
  readonly onGone: (source: string) => void;
}

/** A version that was seen. Mutable: each look brings it up to date. */
interface Seen {
  readonly place: VersionPlace;
  /** Of its surface alone while it is faulty: it may stay so for long, and be large. */
  fingerprint: string;
  /** Since when it has been that, on the monotonic clock. */
  since: number;
  state: 'settling' | 'inspecting' | 'loaded' | 'faulty';
}

const settledMs = 1_000;
/** For file systems that tell of nothing, and for what happens below a version. */
const rescanMs = 2_000;
/** The system tells of a copy in many words. */
const gatherMs = 50;

/**
 * Inspects each version once its files have not changed for a second. One that does not load is told in the log and
 * tried again when its folder, what lies directly in it or its entry changes; one that does is immutable.
 */
export function watchDirectory(components: Components, directory: string): DirectoryWatch {
  return new VersionWatch(components, directory);
}

class VersionWatch implements DirectoryWatch {
  readonly #components: Components;
  readonly #directory: string;
  readonly #log: DirectoryLog;
  readonly #seen = new Map<string, Seen>();
  /** One after the other: each takes a process of its own. */
  #inspections: Promise<void> = Promise.resolve();
  /** By folder: the directory, and each package in it. */
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #rescan: Disposable;
  #soon: Disposable | null = null;
  #scanning: Promise<void> | null = null;
  #isFirstLook = true;
  #closed = false;
  readonly begun: Promise<void>;

  constructor(components: Components, directory: string) {
    this.#components = components;
    this.#directory = directory;
    this.#log = createDirectoryLog(components.log, directory);
    this.#rescan = every(components.clock, rescanMs, () => this.#look());
    this.begun = this.#look().then(() => this.#inspections);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#rescan[Symbol.dispose]();
    this.#soon?.[Symbol.dispose]();
    for (const watcher of this.#watchers.values()) watcher.close();
    await this.#scanning;
  }

  #lookIn(ms: number): void {
    if (this.#soon || this.#closed) return;
    this.#soon = this.#components.clock.after(ms, () => {
      this.#soon = null;
      void this.#look();
    });
  }

  /** One look at a time: who comes meanwhile gets the one that is under way. */
  #look(): Promise<void> {
    this.#scanning ??= this.#scan().finally(() => {
      this.#scanning = null;
    });
    return this.#scanning;
  }

  async #scan(): Promise<void> {
    if (this.#closed) return;
    const found = await this.#places();
    if (found === null) return;
    for (const place of found.places) await this.#lookAt(place);
    this.#isFirstLook = false;
    const there = new Set(found.places.map(({ path }) => path));
    for (const path of this.#seen.keys()) {
      if (!there.has(path) && !found.unreadable.includes(dirname(path))) this.#forget(path);
    }
  }

  /** Null, and everything stays as it is, while the directory cannot be read: a volume may be away for a moment. */
  async #places(): Promise<FoundPlaces | null> {
    try {
      this.#watch(this.#directory);
      for (const name of await findPackageNames(this.#directory)) this.#watch(join(this.#directory, name));
      const found = await findVersionPlaces(this.#directory);
      this.#log.looked(found.unreadable, found.stray);
      return found;
    } catch (error) {
      this.#log.away(error);
      return null;
    }
  }

  #watch(folder: string): void {
    if (this.#watchers.has(folder) || this.#closed) return;
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#lookIn(gatherMs));
      this.#watchers.set(folder, watcher);
      watcher.on('error', () => this.#unwatch(folder));
    } catch {
      // It is gone, or the system has no watches left: the rescan sees to it.
    }
  }

  #unwatch(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
  }

  async #lookAt(place: VersionPlace): Promise<void> {
    const { clock } = this.#components;
    const seen = this.#seen.get(place.path);
    // It is immutable, and its folder may be large.
    if (seen?.state === 'loaded') return;
    const askedAt = clock.monotonic();
    const wasFaulty = seen?.state === 'faulty';
    const files = await (wasFaulty ? readVersionSurface : readVersionFiles)(place).catch(() => null);
    // A slow disk may have been asked long ago: they have rested since it answered, until it was asked again.
    const readAt = clock.monotonic();
    if (files === null) return this.#lookIn(settledMs);
    // Its inspection has ended meanwhile: the one cannot be compared with the other.
    if (wasFaulty !== (seen?.state === 'faulty')) return;
    if (!seen) {
      // The disk may have another clock: what appears later is watched for a second by this one.
      const restingMs = this.#isFirstLook ? Math.max(0, clock.now() - files.changedAt) : 0;
      const { fingerprint } = files;
      const fresh: Seen = { place, fingerprint, since: readAt - restingMs, state: 'settling' };
      this.#seen.set(place.path, fresh);
      return this.#considerAt(fresh, askedAt);
    }
    if (seen.fingerprint !== files.fingerprint) {
      seen.fingerprint = files.fingerprint;
      seen.since = readAt;
      if (seen.state === 'faulty') seen.state = 'settling';
    }
    return this.#considerAt(seen, askedAt);
  }

  /** `until`: its files were seen to be the same up to then. */
  #considerAt(seen: Seen, until: number): void {
    if (seen.state !== 'settling') return;
    const restMs = seen.since + settledMs - until;
    if (restMs > 0) return this.#lookIn(restMs);
    seen.state = 'inspecting';
    this.#inspections = this.#inspections.then(() => this.#inspect(seen));
  }

  async #inspect(seen: Seen): Promise<void> {
    const { clock, spares, onFound } = this.#components;
    const { place, fingerprint } = seen;
    const isStill = () => !this.#closed && this.#seen.get(place.path) === seen;
    if (!isStill()) return;
    if (clock.monotonic() - seen.since < settledMs) {
      seen.state = 'settling';
      return this.#lookIn(settledMs);
    }
    const surface = await readVersionSurface(place).catch(() => null);
    try {
      const workers = await spares.inspect(await entryOfPackage(place.path));
      if (!isStill()) return;
      seen.state = 'loaded';
      this.#log.loaded(place, workers);
      onFound(place.path, workers);
    } catch (error) {
      if (!isStill()) return;
      // What changed while it was being loaded is looked at anew.
      const isSame = seen.fingerprint === fingerprint;
      seen.state = isSame ? 'faulty' : 'settling';
      if (isSame) seen.fingerprint = surface?.fingerprint ?? '';
      this.#log.faulty(place, error);
    }
  }

  #forget(path: string): void {
    const seen = this.#seen.get(path);
    this.#seen.delete(path);
    if (seen?.state === 'loaded') this.#components.onGone(path);
  }
}
