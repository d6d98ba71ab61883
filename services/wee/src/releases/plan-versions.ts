import { compareVersions, isPrerelease, majorOf, type Release } from '@tenma/protocol';

/** What runs of one major of a type. */
export interface PlannedVersions {
  readonly stable: string;
  /** On trial beside the stable one. */
  readonly candidate: string | null;
}

/**
 * By major, which of the versions of one type to run. Rejected ones are not used, nor are prereleases that the release
 * does not name, unless there is nothing else at all. A candidate that is the only version of its major here is simply
 * what that major runs: LE sends it no more than its share.
 */
export function planVersions(
  available: readonly string[],
  release: Pick<Release, 'stable' | 'candidate' | 'rejected'> | undefined,
): ReadonlyMap<number, PlannedVersions> {
  const majors = new Map<number, string[]>();
  for (const version of usable(available, release)) {
    const major = majorOf(version);
    majors.set(major, [...(majors.get(major) ?? []), version]);
  }
  const plan = new Map<number, PlannedVersions>();
  for (const [major, versions] of majors) {
    const stable = stableOf(versions, release);
    if (stable === undefined) continue;
    const candidate = versions.find((version) => version === release?.candidate && version !== stable);
    plan.set(major, { stable, candidate: candidate ?? null });
  }
  return plan;
}

function usable(
  available: readonly string[],
  release: Pick<Release, 'stable' | 'candidate' | 'rejected'> | undefined,
): readonly string[] {
  if (!release) return available;
  const { stable, candidate } = release;
  const isMeant = (version: string) => !isPrerelease(version) || version === stable || version === candidate;
  const meant = available.filter(isMeant);
  const rejected = new Set(release.rejected.map(({ version }) => version));
  return (meant.length > 0 ? meant : available).filter((version) => !rejected.has(version));
}

function stableOf(
  versions: readonly string[],
  release: Pick<Release, 'stable' | 'candidate'> | undefined,
): string | undefined {
  if (release && versions.includes(release.stable)) return release.stable;
  const highestFirst = versions.toSorted((a, b) => compareVersions(b, a));
  return highestFirst.find((version) => version !== release?.candidate) ?? highestFirst[0];
}
