import type { Presence, Release, TaskType } from '@tenma/protocol';
import type { Check } from './doctor-check.ts';

/** LE remembers a type when its last WEE has gone: it still takes tasks for it, and they wait. */
export function checkTypes(types: readonly TaskType[], workers: readonly Presence[]): Check {
  if (types.length === 0) {
    return {
      name: 'types',
      status: 'warning',
      detail: 'none announced',
      hint: 'Start a WEE that has workers.',
    };
  }
  const run = types.filter(({ type }) => versionsRun(workers, type).length > 0);
  const detail = run.map((one) => nameOf(one.type, shownVersion(one, workers))).join(', ');
  if (run.length === types.length) return { name: 'types', status: 'ok', detail };
  const left = types.filter((one) => !run.includes(one));
  const notRun = left.map(({ type, version }) => nameOf(type, version));
  return {
    name: 'types',
    status: 'warning',
    detail: `${detail || 'none is run'}; known, but no WEE runs it: ${notRun.join(', ')}`,
    hint: hintFor(left.map(({ type }) => type)),
    not_run: notRun,
  };
}

function hintFor([first = '', ...others]: readonly string[]): string {
  const retired = others.length === 0 ? first : 'TYPE';
  return (
    'Start a WEE that has it, as tasks of a type that nobody runs wait; ' +
    `or, if it has been retired, forget it: tenma type rm ${retired}`
  );
}

/**
 * The versions that LE trusts or tries against those that are run; no check where the two agree. Types that nobody runs
 * in any version are not looked at here, but for their candidate.
 */
export function checkReleases(releases: readonly Release[], workers: readonly Presence[]): Check[] {
  const faults = releases.flatMap((release) => [
    ...stableFault(release, workers),
    ...candidateFault(release, workers),
  ]);
  if (faults.length === 0) return [];
  return [
    {
      name: 'releases',
      status: 'warning',
      detail: faults.map(({ detail }) => detail).join('; '),
      hint: faults.map(({ hint }) => hint).join(' '),
      not_run: faults.map(({ version }) => version),
    },
  ];
}

interface Fault {
  readonly version: string;
  readonly detail: string;
  readonly hint: string;
}

/** WEEs that do not have the stable version run another one, which nobody has chosen. */
function stableFault({ type, stable }: Release, workers: readonly Presence[]): Fault[] {
  const run = versionsRun(workers, type);
  const [other] = run;
  if (other === undefined || run.includes(stable)) return [];
  const version = nameOf(type, stable);
  const detail = `${version} is stable, but WEEs run ${run.join(' and ')} in its place`;
  if (hasVersion(workers, type, stable)) {
    const hint = `A WEE has ${version} and does not run it: tenma worker versions ${type} shows how it does.`;
    return [{ version, detail, hint }];
  }
  const hint =
    `Bring ${version} back (was TENMA_WORKERS_DIR left out when the WEE was started?), or trust the other one: ` +
    `tenma worker update ${type} ${other}, then tenma worker promote ${type}.`;
  return [{ version, detail, hint }];
}

/** Its trial gets nowhere. */
function candidateFault({ type, candidate }: Release, workers: readonly Presence[]): Fault[] {
  if (candidate === null || hasVersion(workers, type, candidate)) return [];
  const version = nameOf(type, candidate);
  const detail = `${version} is on trial, but no WEE has it`;
  const hint = `Start a WEE that has ${version}, or end its trial: tenma worker rollback ${type} ${candidate}.`;
  return [{ version, detail, hint }];
}

function nameOf(type: string, version: string): string {
  return `${type}@${version}`;
}

/** What LE takes the inputs by, unless only others are run. */
function shownVersion({ type, version }: TaskType, workers: readonly Presence[]): string {
  const run = versionsRun(workers, type);
  return run.includes(version) ? version : run.join(' and ');
}

/** Those of the pools, and the stable versions and candidates beside them. */
export function versionsRun(workers: readonly Presence[], type: string): string[] {
  const run = workers.flatMap(({ pools, versions = [] }) => [
    ...pools,
    ...versions.filter(({ role }) => role === 'stable' || role === 'candidate'),
  ]);
  return [...new Set(run.filter((one) => one.type === type).map(({ version }) => version))];
}

/** Whether or not it takes tasks. */
function hasVersion(workers: readonly Presence[], type: string, version: string): boolean {
  return workers.some(({ types, pools, versions = [] }) =>
    [...types, ...pools, ...versions].some((one) => one.type === type && one.version === version),
  );
}
