import { isPrerelease, majorOf, type Release } from '@tenma/protocol';
import { highestOf, isRejected } from './judge-release.ts';

/**
 * Of each major of a type the version whose schema counts, in order of preference: the major of the stable version,
 * then the higher ones first. A major counts while somebody has a version of it that is trusted or may come to be, and
 * that of the stable version and of the candidate always; where no version is so, all there are.
 */
export function liveVersions(
  known: readonly string[],
  announced: ReadonlySet<string>,
  release: Release | undefined,
): string[] {
  const isNamed = (version: string) => version === release?.stable || version === release?.candidate;
  const mayRun = (version: string) =>
    isNamed(version) || (!isPrerelease(version) && !(release && isRejected(release, version)));
  const isThere = (version: string) => announced.size === 0 || announced.has(version);
  const used = known.filter((version) => isNamed(version) || (mayRun(version) && isThere(version)));
  const ofMajor = Map.groupBy(used.length > 0 ? used : known, majorOf);
  const stable = release === undefined ? undefined : majorOf(release.stable);
  const majors = [...ofMajor.keys()].sort((a, b) => Number(b === stable) - Number(a === stable) || b - a);
  return majors.flatMap((major) => preferredOf(ofMajor.get(major) ?? [], release) ?? []);
}

/** The candidate only where it has its major to itself. */
function preferredOf(versions: readonly string[], release: Release | undefined): string | undefined {
  if (release && versions.includes(release.stable)) return release.stable;
  const others = versions.filter((version) => version !== release?.candidate);
  return highestOf(others.length > 0 ? others : versions);
}
