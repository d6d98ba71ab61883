import type { Log } from '@tenma/runtime';
import type { WorkerVersion } from '@tenma/worker/messages';
import { packageFrames } from './package-frames.ts';
import type { VersionPlace } from './version-places.ts';

/** What the log is told of the watched directory: each thing once, for as long as it stays so. */
export interface DirectoryLog {
  /** The directory itself, at every look that fails. */
  away(error: unknown): void;
  /** At every look that does not: folders in it that cannot be read, and what lies at the wrong place. */
  looked(unreadable: readonly string[], stray: readonly string[]): void;
  loaded(place: VersionPlace, workers: readonly WorkerVersion[]): void;
  faulty(place: VersionPlace, error: unknown): void;
}

const rightPlace = 'the place of a version is FOLDER/<type>/<version>/, such as resize/1.0.0/';

export function createDirectoryLog(log: Log, directory: string): DirectoryLog {
  let isAway = false;
  const freshUnreadable = onlyFresh();
  const freshStray = onlyFresh();
  return {
    away(error) {
      if (isAway) return;
      isAway = true;
      const code = (error as { code?: unknown }).code;
      const why = code === 'ENOENT' ? 'does not exist' : 'cannot be read';
      log.warn(
        { folder: directory, code },
        `TENMA_WORKERS_DIR: the folder ${directory} ${why}; it is watched for, and what is known stays`,
      );
    },
    looked(unreadable, stray) {
      isAway = false;
      const folders = freshUnreadable(unreadable);
      if (folders.length > 0) log.warn({ folders }, 'folders of workers not readable: what is known stays');
      for (const path of freshStray(stray))
        log.warn({ path }, `TENMA_WORKERS_DIR: ${path} is not loaded: ${rightPlace}`);
    },
    loaded({ name, path }, workers) {
      const [worker, ...others] = workers;
      // A package of several is no folder of a type.
      if (!worker || others.length > 0) return;
      const { type, version } = worker.type;
      const named = name.replace(/\.(?:ts|js|mjs)$/, '');
      const says = `${type}/${version}`;
      if (named !== says)
        log.warn(
          { path, type, version },
          `the worker in ${path} says that it is ${type} ${version}, and that counts: ` +
            `correct what it says of itself, or rename its place to ${says}`,
        );
    },
    faulty({ name, path }, error) {
      const reason = error instanceof Error ? error.message : String(error);
      const frames = packageFrames(error, path);
      log.error(
        { version: name, reason, ...(frames.length > 0 ? { frames } : {}) },
        'a version does not load; it is tried again when it changes',
      );
      log.debug({ version: name, err: error }, 'why a version does not load, in full');
    },
  };
}

/** Of a list, what was not in the one before. */
function onlyFresh(): (now: readonly string[]) => string[] {
  let before: ReadonlySet<string> = new Set();
  return (now) => {
    const fresh = now.filter((each) => !before.has(each));
    before = new Set(now);
    return fresh;
  };
}
