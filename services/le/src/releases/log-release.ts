import type { Log } from '@tenma/runtime';
import type { ReleaseRecord } from '../documents/kinds.ts';

/** Tells what has become of a release, once it is written down; the same as its event on MQTT. */
export function logRelease(log: Log, release: ReleaseRecord): void {
  const { type, stable, candidate, share, rejected, change } = release;
  switch (change) {
    case 'begun':
      log.info({ type, version: candidate, stable, share }, 'a version is on trial');
      return;
    case 'promoted':
      log.info({ type, version: stable }, 'a version was promoted');
      return;
    case 'rolled_back': {
      const { version, reason } = rejected.at(-1) ?? {};
      log.warn({ type, version, reason, stable }, 'a version was rejected');
      return;
    }
    case 'changed':
      log.info({ type, version: stable, candidate, share }, 'a release was changed');
  }
}
