import {
  type Problem,
  problem,
  type Release,
  type ReleasePromotion,
  type ReleaseRollback,
  type ReleaseUpdate,
} from '@tenma/protocol';
import type { Clock, Log } from '@tenma/runtime';
import { type Answer, changeDocuments, type Plan } from '../documents/change-documents.ts';
import type { DocumentCache } from '../documents/document-cache.ts';
import type { ReleaseRecord } from '../documents/kinds.ts';
import { type FleetWatch, onlineOf } from '../fleet-watch.ts';
import { versionsOf } from './fleet-sight.ts';
import {
  earlierThanStable,
  isRejected,
  judgeRelease,
  withCandidate,
  withEarlier,
  withoutCandidate,
  withPromoted,
} from './judge-release.ts';
import { logRelease } from './log-release.ts';
import { candidateGone, conflict, otherVersion, unknownVersion } from './refusals.ts';
import { releaseOf } from './views.ts';

interface Components {
  readonly documents: DocumentCache;
  readonly fleet: Pick<FleetWatch, 'view'>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Puts a version on trial, also one that was rejected, is older or is not finished; with the candidate that there is,
 * changes its share.
 * @throws StoreUnavailableError, as the other verbs do
 */
export function updateRelease(
  components: Components,
  type: string,
  { version, share }: ReleaseUpdate,
): Promise<Answer<Release>> {
  return changeRelease(components, type, (release, versions, now) => {
    if (!versions.includes(version)) return unknownVersion(release, version, versions);
    if (version === release.stable) {
      return conflict(`${version} is the stable version of ${type} already`, release, versions);
    }
    if (version === release.candidate) return { ...release, share, hold: false, change: 'changed' };
    const rejected = release.rejected.filter((one) => one.version !== version);
    return withCandidate({ ...release, rejected, hold: false }, version, share, now);
  });
}

/**
 * The candidate becomes stable, whatever the WEEs have found, as long as one of them has it. A version that is named and
 * stable already stays so.
 */
export function promoteRelease(
  components: Components,
  type: string,
  { version }: ReleasePromotion,
): Promise<Answer<Release>> {
  return changeRelease(components, type, (release, versions, now) => {
    const { candidate, stable } = release;
    if (version === stable) return release;
    if (version !== undefined && version !== candidate)
      return otherVersion(release, version, versions, 'promote');
    if (candidate === null) return conflict(`${type} has no version on trial`, release, versions);
    if (!versions.includes(candidate)) return candidateGone(release, candidate);
    return withPromoted(release, now);
  });
}

/** Ends the trial, or goes back to the version before the stable one. A version that is named and rejected already stays so. */
export function rollBackRelease(
  components: Components,
  type: string,
  { version, reason }: ReleaseRollback,
): Promise<Answer<Release>> {
  return changeRelease(components, type, (release, versions, now) => {
    if (version !== undefined && version !== (release.candidate ?? release.stable)) {
      return isRejected(release, version) ? release : otherVersion(release, version, versions, 'rollback');
    }
    if (release.candidate !== null) return withoutCandidate(release, reason, now);
    const earlier = earlierThanStable(release, versions);
    return earlier === undefined
      ? conflict(`no WEE has an earlier version of ${type} that is not rejected`, release, versions)
      : withEarlier(release, earlier, reason, now);
  });
}

interface Decided {
  readonly release: ReleaseRecord;
  /** It is written down; else it was so already. */
  readonly isNews: boolean;
}

type Decide = (release: ReleaseRecord, versions: readonly string[], now: number) => ReleaseRecord | Problem;

/** A type that a WEE has, and whose release nobody has written yet, begins with what is seen of it. */
async function changeRelease(
  { documents, fleet, clock, log }: Components,
  type: string,
  decide: Decide,
): Promise<Answer<Release>> {
  const done = await changeDocuments(documents, (): Plan<Decided> | { problem: Problem } => {
    const known = documents.get('release', type);
    const versions = versionsOf(onlineOf(fleet.view), type);
    const sight = { type, announced: versions, gone: [], triers: [], verdicts: [] };
    const now = clock.now();
    const release = known?.value ?? judgeRelease(null, sight, now);
    if (!release) return { problem: unknownRelease(documents, type) };
    const value = decide(release, versions, now);
    if ('code' in value) return { problem: value };
    if (value === known?.value) return { value: { release: value, isNews: false }, writes: [] };
    const write = { kind: 'release', id: type, expected: known?.version ?? 0, value } as const;
    return { value: { release: value, isNews: true }, writes: [write] };
  });
  if ('problem' in done) return done;
  const { release, isNews } = done.value;
  if (isNews) logRelease(log, release);
  return { value: releaseOf(release) };
}

/** The refusal of a type that no WEE has announced; the hint names those that have a release. */
export function unknownRelease(documents: DocumentCache, type: string): Problem {
  const known = [...documents.all('release').keys()].sort();
  return problem('unknown_release', {
    detail: `no WEE has announced the task type ${type}`,
    hint: `Known types: ${known.join(', ') || 'none yet'}.`,
  });
}
