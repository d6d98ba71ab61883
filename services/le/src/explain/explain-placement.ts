import { type PoolView, poolKey } from '@tenma/fleet';
import { compareVersions, isInRange, type Placement } from '@tenma/protocol';
import type { TaskSpec } from '@tenma/store';
import { counted, limitInWords } from './in-words.ts';
import type { Surroundings } from './surroundings.ts';

export function poolInWords({ region, pool }: Placement): string {
  return `pool ${poolKey(region, pool)}`;
}

/** The target, as a summary names it. */
export function targetInWords(placement: Placement): string {
  const pool = poolInWords(placement);
  return placement.wee === undefined ? pool : `${placement.wee} of ${pool}`;
}

/** Why the task is where it is: the score and its parts, and what else there was when it was placed. */
export function placementLines(placement: Placement | null, { near }: TaskSpec): string[] {
  if (!placement) return [];
  const could = placement.rejected.filter(({ score }) => score !== undefined);
  const unable = placement.rejected.filter(({ score }) => score === undefined);
  return [
    scoreLine(placement, near),
    ...could.map(({ pool, score }) => `Passed over: ${pool} could have run it, with a score of ${score} ms.`),
    ...unable.map(({ pool, reason }) => `Ruled out: ${pool} ${reason}.`),
    ...(placement.rejected.length === 0 ? ['There was no other pool to choose from.'] : []),
  ];
}

function scoreLine({ region, score, parts }: Placement, near: string | undefined): string {
  const said = `Chosen with a score of ${score} ms, where lower is better`;
  if (!parts) return `${said}.`;
  const { wait_ms: wait, round_trip_ms: way, penalty_ms: penalty } = parts;
  const terms = [
    `${wait} ms of expected wait`,
    ...(way === null ? [] : [`${way} ms of round trip to ${near ?? 'the region it deals with'}`]),
    ...(penalty === 0 ? [] : [`${penalty} ms because region ${region} is degraded`]),
  ];
  return `${said}: ${terms.join(' + ')}.`;
}

/** What the task asked for beyond its type; nothing where it asked for nothing. */
export function demandLines({ region, requires, near, cost, limit, majors, trialMajor }: TaskSpec): string[] {
  const { labels = [], regions = [], version, wee } = requires;
  const asked = [
    ...(region === 'active' || region === 'any' ? [] : [`region ${region}`]),
    ...(regions.length === 0 ? [] : [`one of the regions ${regions.join(', ')}`]),
    ...(labels.length === 0 ? [] : [`label ${labels.join(' and ')}`]),
    ...(version === undefined ? [] : [`version ${version}`]),
    ...(wee === undefined ? [] : [`WEE ${wee}`]),
    ...(cost === undefined ? [] : [`${counted(cost, 'slot')} an attempt`]),
    ...(near === undefined ? [] : [`a short way to ${near}`]),
  ];
  const lines = asked.length === 0 ? [] : [`It asks for ${asked.join(', ')}.`];
  if (limit !== undefined) lines.push(`It counts for ${limitInWords(limit)}.`);
  if (majors !== undefined && majors.length > 0) lines.push(majorsLine(majors, trialMajor));
  return lines;
}

/** In the order in which they are asked for; a trial is for the first attempt alone. */
function majorsLine(majors: readonly number[], trial: number | undefined): string {
  const [only, ...others] = majors;
  if (others.length === 0) return `Its input fits major ${only} of the worker.`;
  const first = `Its input fits majors ${majors.join(' and ')} of the worker; the first that somebody runs is taken`;
  return trial === undefined
    ? `${first}.`
    : `${first}, but its first attempt is to try major ${trial}, which was on trial when the task came.`;
}

/** Who takes tasks from the queue that it stands in, with its load; undefined: nobody does now. */
export function takerOf({ region, pool, wee }: Placement, { fleet }: Surroundings) {
  const found = fleet.pools.get(poolKey(region, pool));
  return wee === undefined ? found : found?.members.find(({ weeId }) => weeId === wee);
}

/** How the pool that it stands in does now. */
export function loadLine(placement: Placement, around: Surroundings): string {
  const { region, pool, wee } = placement;
  const key = poolKey(region, pool);
  const found = around.fleet.pools.get(key);
  if (!found) return `No WEE serves ${key} any more: the task is placed anew when that is certain.`;
  const taker = takerOf(placement, around);
  if (!taker)
    return `${wee} ${absence(wee ?? '', around.fleet)}: the task is placed anew when that is certain.`;
  const { slots, busy, held, meanMs } = taker;
  const who = wee ?? `${key} (${found.wees.join(', ')})`;
  const taken = `${Math.round(busy)} of ${counted(slots, 'slot')} taken`;
  return `Now ${who} has ${taken} and ${counted(held, 'task')} in hand; an attempt takes about ${Math.round(meanMs)} ms.`;
}

/** What can be said of the fleet for a task that no pool takes. */
export function fleetLine({ type }: TaskSpec, { fleet }: Surroundings): string {
  const pools = fleet.poolsByType.get(type) ?? [];
  if (pools.length === 0) return `No WEE that takes tasks runs ${type}.`;
  return `Now ${type} is run by ${pools.map(poolAndVersions).join('; ')}.`;
}

/** The version that a task asks for is there, and nobody serves it. */
export function idleVersionLines({ type, requires }: TaskSpec, { fleet }: Surroundings): string[] {
  const { version: range } = requires;
  if (range === undefined) return [];
  const fits = (version: string) => isInRange(version, range);
  if ((fleet.poolsByType.get(type) ?? []).some(({ versions }) => versions.some(fits))) return [];
  const online = [...fleet.wees.values()].filter(({ presence }) => presence.status === 'online');
  const having = online.flatMap(({ presence }) =>
    presence.types
      .filter((one) => one.type === type && fits(one.version))
      .map(({ version }) => ({ version, wee: presence.wee_id })),
  );
  const [best] = having.sort((a, b) => compareVersions(b.version, a.version));
  if (!best) return [];
  return [
    `${best.wee} has ${type} ${best.version}, but a WEE serves the stable version and the candidate only: ` +
      `\`tenma worker update ${type} ${best.version}\` puts it on trial.`,
  ];
}

function poolAndVersions({ key, versions, labels }: PoolView): string {
  const labelled = labels.length === 0 ? '' : `, label ${labels.join(' and ')}`;
  return `${key} (version ${versions.join(' and ')}${labelled})`;
}

export function absence(wee: string, { wees }: Surroundings['fleet']): string {
  const status = wees.get(wee)?.presence.status;
  if (status === undefined) return 'is not there any more';
  return status === 'online' ? 'does not run its type' : `is ${status}`;
}
