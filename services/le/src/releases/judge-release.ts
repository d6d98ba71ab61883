import { compareVersions, defaultShare, isPrerelease, majorOf, timestamp } from '@tenma/protocol';
import type { ReleaseChange, ReleaseRecord } from '../documents/kinds.ts';

/** What a WEE says of the version that it tries. */
export interface Verdict {
  readonly weeId: string;
  readonly version: string;
  readonly verdict: 'healthy' | 'unhealthy';
  readonly reason: string | null;
  /** The `since` of the release as the WEE had heard it: names the trial that it has judged. */
  readonly trial: string | undefined;
}

/** What the WEEs show of one type. */
export interface ReleaseSight {
  readonly type: string;
  /** Versions that at least one online WEE has. */
  readonly announced: readonly string[];
  /** Versions that nobody has had for so long that it is no restart. */
  readonly gone: readonly string[];
  /** WEEs that run the version which is on trial as their candidate. */
  readonly triers: readonly string[];
  /** Of online WEEs; also of trials that are over. */
  readonly verdicts: readonly Verdict[];
}

const rejectedMax = 50;

/**
 * What the WEEs make of a release; null when it stays as it is. At most one thing happens at a time: looked at once more
 * there may be another, and in the end there is none.
 */
export function judgeRelease(
  release: ReleaseRecord | null,
  sight: ReleaseSight,
  now: number,
): ReleaseRecord | null {
  if (!release) return firstSeen(sight, now);
  return (
    afterTrial(release, sight, now) ??
    afterImageGone(release, sight, now) ??
    withNewcomer(release, sight, now)
  );
}

function firstSeen({ type, announced }: ReleaseSight, now: number): ReleaseRecord | null {
  const stable = highestOf(announced);
  if (stable === undefined) return null;
  const fresh = { type, stable, candidate: null, share: defaultShare, rejected: [], hold: false };
  return { ...fresh, since: timestamp(now), change: 'changed' };
}

function afterTrial(release: ReleaseRecord, sight: ReleaseSight, now: number): ReleaseRecord | null {
  const { stable, candidate, since } = release;
  if (candidate === null) return null;
  const verdicts = sight.verdicts.filter(({ version, trial }) => version === candidate && trial === since);
  const bad = verdicts.find(({ verdict }) => verdict === 'unhealthy');
  if (bad) return withoutCandidate(release, bad.reason ?? `${bad.weeId} found it unhealthy`, now);
  // Nobody has compared it with a version that takes other inputs: that trial ends well only by hand.
  if (majorOf(candidate) !== majorOf(stable) || !sight.announced.includes(candidate)) return null;
  const content = new Set(verdicts.map(({ weeId }) => weeId));
  const asked = new Set([...sight.triers, ...content]);
  return content.size * 2 > asked.size ? withPromoted(release, now) : null;
}

/** What was trusted or tried is in no image any more: what everybody runs instead is what is stable now. */
function afterImageGone(release: ReleaseRecord, sight: ReleaseSight, now: number): ReleaseRecord | null {
  const { stable, candidate } = release;
  const isGone = (version: string) => sight.gone.includes(version) && !sight.announced.includes(version);
  const next = newest(release, sight.announced);
  if (isGone(stable) && next !== undefined) {
    const left = candidate !== null && compareVersions(candidate, next) > 0 ? candidate : null;
    return changed({ ...release, stable: next, candidate: left }, 'changed', now);
  }
  if (candidate === null || !isGone(candidate)) return null;
  return changed({ ...release, candidate: null }, 'changed', now);
}

function withNewcomer(release: ReleaseRecord, sight: ReleaseSight, now: number): ReleaseRecord | null {
  if (release.candidate !== null || release.hold) return null;
  const newcomer = newest(release, sight.announced);
  return newcomer === undefined ? null : withCandidate(release, newcomer, defaultShare, now);
}

/** Of those above the stable version, in its major, the highest that may be tried unasked. */
function newest(release: ReleaseRecord, versions: readonly string[]): string | undefined {
  const { stable } = release;
  const mayBeTried = (version: string) => !isPrerelease(version) && !isRejected(release, version);
  return highestOf(
    versions.filter(
      (version) =>
        majorOf(version) === majorOf(stable) && compareVersions(version, stable) > 0 && mayBeTried(version),
    ),
  );
}

/** A trial begins, or takes the place of another. */
export function withCandidate(
  release: ReleaseRecord,
  candidate: string,
  share: number,
  now: number,
): ReleaseRecord {
  return changed({ ...release, candidate, share }, 'begun', now);
}

/** The candidate becomes what is stable. Without one nothing changes. */
export function withPromoted(release: ReleaseRecord, now: number): ReleaseRecord {
  const stable = release.candidate ?? release.stable;
  return changed({ ...release, stable, candidate: null }, 'promoted', now);
}

/** The candidate is rejected. Without one nothing changes. */
export function withoutCandidate(release: ReleaseRecord, reason: string, now: number): ReleaseRecord {
  const { candidate } = release;
  if (candidate === null) return release;
  return changed({ ...withRejected(release, candidate, reason, now), candidate: null }, 'rolled_back', now);
}

/** Back to an earlier version, until somebody asks for a newer one. */
export function withEarlier(
  release: ReleaseRecord,
  stable: string,
  reason: string,
  now: number,
): ReleaseRecord {
  const rejecting = withRejected(release, release.stable, reason, now);
  return changed({ ...rejecting, stable, hold: true }, 'rolled_back', now);
}

/** The version to go back to from the stable one. */
export function earlierThanStable(release: ReleaseRecord, versions: readonly string[]): string | undefined {
  const { stable } = release;
  return highestOf(
    versions.filter((version) => compareVersions(version, stable) < 0 && !isRejected(release, version)),
  );
}

export function isRejected({ rejected }: Pick<ReleaseRecord, 'rejected'>, version: string): boolean {
  return rejected.some((one) => one.version === version);
}

/** The highest version; one that is not finished only where there is nothing else. */
export function highestOf(versions: readonly string[]): string | undefined {
  const finished = versions.filter((version) => !isPrerelease(version));
  const [highest] = (finished.length > 0 ? finished : [...versions]).sort((a, b) => compareVersions(b, a));
  return highest;
}

function withRejected(release: ReleaseRecord, version: string, reason: string, now: number): ReleaseRecord {
  const others = release.rejected.filter((one) => one.version !== version);
  const rejected = [...others, { version, reason, at: timestamp(now) }].slice(-rejectedMax);
  return { ...release, rejected };
}

function changed(release: ReleaseRecord, change: ReleaseChange, now: number): ReleaseRecord {
  return { ...release, change, since: timestamp(now) };
}
