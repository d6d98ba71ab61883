import type { Presence, Release, ReleaseView } from '@tenma/protocol';
import type { DocumentCache } from '../documents/document-cache.ts';
import type { ReleaseRecord } from '../documents/kinds.ts';

/** What goes over a wire of what is written down. */
export function releaseOf({ change: _, ...release }: ReleaseRecord): Release {
  return release;
}

export function releasesInOrder(documents: DocumentCache): Release[] {
  return [...documents.all('release').values()]
    .map(({ value }) => releaseOf(value))
    .sort((a, b) => (a.type < b.type ? -1 : 1));
}

/** A release with what each WEE says of each version of the type that it has. */
export function releaseView(release: Release, presences: Iterable<Presence>): ReleaseView {
  const versions = [...presences].flatMap(({ wee_id, region, versions: reports = [] }) =>
    reports.filter(({ type }) => type === release.type).map((report) => ({ ...report, wee_id, region })),
  );
  return { ...release, versions };
}
