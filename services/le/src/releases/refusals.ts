import { compareVersions, type Problem, problem } from '@tenma/protocol';
import type { ReleaseRecord } from '../documents/kinds.ts';
import { highestOf, isRejected } from './judge-release.ts';

/** `versions`, here and below: those that online WEEs have, the highest first. */
export function unknownVersion(
  release: ReleaseRecord,
  version: string,
  versions: readonly string[],
): Problem {
  const accepted = versions.filter((one) => !isRejected(release, one));
  const refused = versions.filter((one) => isRejected(release, one)).map((one) => `${one} (rejected)`);
  return problem('unknown_release', {
    detail: `no WEE has version ${version} of ${release.type}`,
    hint: versionsThereAre([...accepted, ...refused]),
  });
}

/** The version on trial is to be trusted, and has gone. */
export function candidateGone({ type }: ReleaseRecord, candidate: string): Problem {
  return problem('unknown_release', {
    detail: `no WEE has version ${candidate} of ${type}, which is on trial`,
    hint: `Start a WEE that has it; or POST /api/v1/releases/${type}/rollback {"version": "${candidate}"} ends the trial.`,
  });
}

/** The release has moved on since the caller looked: the verb is for another version now. */
export function otherVersion(
  release: ReleaseRecord,
  version: string,
  versions: readonly string[],
  verb: 'promote' | 'rollback',
): Problem {
  const { type, candidate } = release;
  const path = `/api/v1/releases/${type}`;
  if (candidate === null) {
    const detail = `${version} of ${type} is neither on trial nor the stable version`;
    if (verb === 'promote') return conflict(detail, release, versions);
    // How to try one is of no use to who wants one to go, and the stable one is not what was named.
    return problem('invalid_state', { detail, hint: versionsThereAre(marked(release, versions)) });
  }
  const hint = `${candidate} is: POST ${path}/${verb} {"version": "${candidate}"} is for that one.`;
  return problem('invalid_state', { detail: `${version} of ${type} is not on trial`, hint });
}

export function conflict(detail: string, release: ReleaseRecord, versions: readonly string[]): Problem {
  return problem('invalid_state', {
    detail,
    hint: `${versionsThereAre(marked(release, versions))} ${remedyOf(release, versions)}`,
  });
}

/** Each version with what it is. */
function marked(release: ReleaseRecord, versions: readonly string[]): string[] {
  return versions.map((version) => {
    if (version === release.stable) return `${version} (stable)`;
    if (version === release.candidate) return `${version} (on trial)`;
    return isRejected(release, version) ? `${version} (rejected)` : version;
  });
}

/** Names a version that somebody has; one that was found wanting before only where there is no other. */
function remedyOf(release: ReleaseRecord, versions: readonly string[]): string {
  const { type, stable, candidate } = release;
  const path = `/api/v1/releases/${type}`;
  if (candidate !== null) return `POST ${path}/rollback {"version": "${candidate}"} ends the trial.`;
  const usable = versions.filter((version) => version !== stable && !isRejected(release, version));
  const newer = usable.filter((version) => compareVersions(version, stable) > 0);
  const other = highestOf(newer.length > 0 ? newer : usable);
  if (other !== undefined) return `POST ${path}/update {"version": "${other}"} puts one on trial.`;
  return versions.length === 0 ? 'Start a WEE that has one.' : lastResorts(release, versions);
}

/** All that is there but the stable version was rejected, or there is nothing else. */
function lastResorts(release: ReleaseRecord, versions: readonly string[]): string {
  const path = `/api/v1/releases/${release.type}`;
  const rejected = highestOf(versions.filter((version) => version !== release.stable));
  const newer = release.hold
    ? `newer versions are held back, and tried only by POST ${path}/update {"version": "VERSION"}.`
    : 'a newer one of its major is tried by itself.';
  if (rejected === undefined) return `Give a WEE another version: ${newer}`;
  const again = `POST ${path}/update {"version": "${rejected}"} puts one on trial again that was rejected.`;
  return `${again} Or give a WEE another version: ${newer}`;
}

function versionsThereAre(versions: readonly string[]): string {
  return `Versions there are: ${versions.join(', ') || 'none'}.`;
}
