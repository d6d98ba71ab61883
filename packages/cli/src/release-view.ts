import type { ReleaseView, VersionReport } from '@tenma/protocol';
import { formatDuration } from './duration.ts';
import { formatSections, formatTable, oneLine } from './table.ts';

const releaseColumns = [
  'type',
  'stable',
  'candidate',
  'share',
  'verdict',
  'hold',
  'rejected',
  'since',
] as const;
const versionColumns = [
  'version',
  'wee',
  'region',
  'role',
  'processes',
  'running',
  'runs',
  'failures',
  'mean',
  'compared',
  'verdict',
  'reason',
] as const;

/** With `not_run`: of the stable version and the candidate those that no WEE runs. */
export interface ReleaseStanding extends ReleaseView {
  readonly not_run: readonly string[];
}

export function standingOf(release: ReleaseView): ReleaseStanding {
  const { stable, candidate, versions } = release;
  const isRun = (wanted: string) =>
    versions.some(({ version, role }) => version === wanted && runningRoles.has(role));
  const named = candidate === null ? [stable] : [stable, candidate];
  return { ...release, not_run: named.filter((version) => !isRun(version)) };
}

const runningRoles: ReadonlySet<string> = new Set<VersionReport['role']>(['stable', 'candidate', 'draining']);

/** One line a release; what no WEE runs is said to be so where that is known. */
export function releaseTable(releases: readonly (ReleaseView | ReleaseStanding)[]): string {
  return formatTable(
    releaseColumns,
    releases.map((release) => ({
      type: release.type,
      stable: marked(release, release.stable),
      candidate: release.candidate === null ? '' : marked(release, release.candidate),
      share: shareOf(release) ?? '',
      verdict: verdictOf(release),
      hold: release.hold ? 'yes' : '',
      rejected: release.rejected.map(({ version }) => version).join(','),
      since: release.since,
    })),
  );
}

/** Everything about one release, with a line for each version in each WEE. */
export function releaseSections(release: ReleaseStanding): string {
  const rejected = release.rejected.map(({ version, reason, at }) =>
    oneLine(`${version} at ${at}: ${reason}`),
  );
  return formatSections([
    ['type', release.type],
    ['stable', marked(release, release.stable)],
    ['candidate', release.candidate === null ? undefined : marked(release, release.candidate)],
    ['share', shareOf(release)],
    ['since', release.since],
    ['hold', release.hold ? 'newer versions are not tried by themselves' : undefined],
    ['rejected', rejected.length === 0 ? undefined : rejected.join('\n')],
    ['versions', release.versions.length === 0 ? 'no WEE has any' : versionTable(release).trimEnd()],
  ]);
}

/** Known is not the same as run: a WEE may have gone, or hold the version and give it nothing. */
function marked(release: ReleaseView | ReleaseStanding, version: string): string {
  if (!('not_run' in release) || !release.not_run.includes(version)) return version;
  const isThere = release.versions.some((one) => one.version === version);
  return `${version} (${isThere ? 'no WEE runs it now' : 'known, but no WEE has it'})`;
}

function versionTable({ versions }: ReleaseView): string {
  return formatTable(
    versionColumns,
    versions.map((one) => ({
      version: one.version,
      wee: one.wee_id,
      region: one.region,
      role: one.role,
      processes: String(one.processes),
      running: String(one.running),
      runs: String(one.runs),
      failures: String(one.failures),
      mean: one.mean_ms === null ? '' : formatDuration(one.mean_ms),
      compared: one.shadows === 0 ? '' : `${one.shadows}, ${one.differences} differ`,
      verdict: one.verdict ?? '',
      reason: one.reason ?? '',
    })),
  );
}

/** Of the attempts that the candidate could take; undefined without one. */
function shareOf({ candidate, share }: ReleaseView): string | undefined {
  return candidate === null ? undefined : `${Math.round(share * 100)} %`;
}

/** What the WEEs say of the candidate: `healthy 2, trying 1`. */
function verdictOf({ candidate, versions }: ReleaseView): string {
  const counts = new Map<string, number>();
  for (const { version, verdict } of versions) {
    if (version === candidate && verdict !== null) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  }
  return [...counts].map(([verdict, count]) => `${verdict} ${count}`).join(', ');
}
