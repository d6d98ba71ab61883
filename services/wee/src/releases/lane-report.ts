import type { VersionReport } from '@tenma/protocol';
import type { Lane } from './lane.ts';
import type { Tally } from './tally.ts';
import type { Trial } from './trial.ts';

/** `role` null: the version has none here. */
export type LaneReport = Omit<VersionReport, 'role' | 'type' | 'version'> & {
  readonly role: VersionReport['role'] | null;
};

/** What there is to say of a version, by its lanes and, while it is on trial, by that. */
export function laneReport(
  role: LaneReport['role'],
  lanes: readonly Lane[],
  trial: Trial | null,
  tally: Tally,
): LaneReport {
  const { runs, failures, meanMs, shadows, differences } = trial?.tally ?? tally;
  return {
    role,
    processes: lanes.reduce((sum, { group }) => sum + group.processes, 0),
    running: lanes.reduce((sum, { group }) => sum + group.running, 0),
    runs,
    failures,
    mean_ms: meanMs,
    shadows,
    differences,
    verdict: trial?.verdict ?? null,
    reason: trial?.reason ?? null,
  };
}
