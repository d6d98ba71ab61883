import type { Bus } from '@tenma/bus';
import { type ControlMessage, exchanges } from '@tenma/protocol';
import type { Log } from '@tenma/runtime';
import type { DocumentCache } from '../documents/document-cache.ts';
import { releaseOf, releasesInOrder } from './views.ts';

/** Tells every WEE which versions to run: what has changed, whoever changed it. */
export interface ReleaseTeller extends Disposable {
  /** A WEE may have missed it: all of them once more. */
  repeat(): void;
}

interface Components {
  readonly documents: DocumentCache;
  readonly bus: Bus;
  readonly log: Log;
}

export function tellReleases({ documents, bus, log }: Components): ReleaseTeller {
  function tell(releases: Extract<ControlMessage, { kind: 'release' }>['releases']): void {
    if (releases.length === 0) return;
    const message: ControlMessage = { kind: 'release', releases };
    bus
      .broadcast(exchanges.control, message)
      .catch((error: unknown) => log.debug({ err: error }, 'not broadcast'));
  }

  const watching = documents.onChange((changes) => {
    const changed = new Set(changes.filter(({ kind }) => kind === 'release').map(({ id }) => id));
    const releases = [...changed].map((type) => documents.get('release', type)?.value);
    tell(releases.filter((release) => release !== undefined).map(releaseOf));
  });
  return {
    repeat: () => tell(releasesInOrder(documents)),
    [Symbol.dispose]: () => watching[Symbol.dispose](),
  };
}
