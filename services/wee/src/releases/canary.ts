import { chanceOfAtLeast, chanceOfMore, type Part } from './chance.ts';
import type { Sample } from './side.ts';
import { slowdown, usualMs } from './timing.ts';

/** `reason`: in plain words, with the figures. */
export interface Judgement {
  readonly verdict: 'trying' | 'healthy' | 'unhealthy';
  readonly reason: string;
}

export interface Evidence {
  /** What the candidate is compared with; null where there is nothing to compare. */
  readonly stable: (Sample & { readonly version: string }) | null;
  readonly candidate: Sample;
  readonly lateness: Lateness | null;
  readonly halfway: Halfway | null;
  readonly refusals: Refusals;
  readonly shadows: Shadows;
  /** Since the candidate was ready. */
  readonly sinceMs: number;
}

/** Attempts that take longer than any of the stable version, ended or not; null where those are too few. */
export interface Lateness {
  readonly slowestMs: number;
  /** Twice that and ten seconds. */
  readonly limitMs: number;
  /** Attempts of the candidate that took longer than the limit, or do. */
  readonly late: number;
  readonly started: number;
  readonly stableStarted: number;
}

/**
 * How many of the attempts that started in about the first half of the trial still run. It is the quick ones that end
 * first: so what has ended says nothing of those that hang.
 */
export interface Halfway {
  readonly candidate: Open;
  readonly stable: Open;
}

export interface Open {
  readonly started: number;
  readonly open: number;
}

/** Inputs of attempts in this trial that were not taken, of all that were offered. */
export interface Refusals {
  readonly candidate: Part;
  readonly stable: Part & { readonly version: string };
  /** By the candidate, since the last that it took. */
  readonly inARow: number;
}

export interface Shadows {
  /** Tasks of which both results are known, or on which the candidate alone failed. */
  readonly compared: number;
  readonly different: number;
  readonly failed: number;
  /** What the stable version did meanwhile. */
  readonly stable: Pick<Sample, 'runs' | 'failures'>;
}

/** Ends, or tasks that came out the same, that a candidate needs to be trusted; and the time it is looked at. */
export const enough = 20;
export const trialMs = 10_000;

/**
 * Chance alone may show what condemns with this probability, each time it is looked at; looks at what has grown by one
 * are nearly the same look. Over a whole trial that makes less than one in a hundred, by simulation. It is less where the
 * stable version fails too, as an equal one then comes near to it time and again.
 */
const alarm = 6e-4;
const alarmAmongFailures = 2e-4;
/** Fewer may come of one event. */
const failuresMin = 3;
/**
 * What the figures have to exceed before chance is asked at all. They are those seen, not the true ones, and the tests ask
 * whether an equal version would show them: one that is truly a little worse, but within these, is condemned at times.
 */
const rateMargin = 0.05;
const slowMargin = Math.log(2);
/** The spread that the error of a mean rests on is itself uncertain where there are twenty. */
const alarmErrors = 3.5;
/** Promoted is only what is by so many standard errors better than a version as bad as this. */
const errors = 3;
const rateBeyond = 0.2;
const slowBeyond = Math.log(3);
/** Where chance alone would show it less often, more time is given to what still runs. */
const patience = 0.05;
/** Results that differ are borne in this part of the tasks; and are chance in that one. */
const differencesShare = 0.05;
const differencesRate = 0.01;
/** Without a stable version to compare with. */
const aloneMin = 10;
const aloneShare = 0.5;

/** What the attempts of a candidate, in this WEE and in this trial, say of it. */
export function judgeCanary(evidence: Evidence): Judgement {
  const { shadows } = evidence;
  const fault =
    failing(evidence) ?? refusing(evidence) ?? slower(evidence) ?? late(evidence) ?? differing(shadows);
  if (fault !== null) return { verdict: 'unhealthy', reason: fault };
  const told = figures(evidence);
  if (evidence.sinceMs < trialMs || !hasEnough(evidence)) {
    return { verdict: 'trying', reason: `too early to say: ${told}` };
  }
  if (!isSure(evidence)) return { verdict: 'trying', reason: `neither good nor bad for sure: ${told}` };
  return { verdict: 'healthy', reason: told };
}

/** Nothing speaks against trusting results that were compared so. */
export function comesOutAlike({ compared, different, failed }: Omit<Shadows, 'stable'>): boolean {
  const equal = compared - different - failed;
  return equal >= enough && different <= compared * differencesShare;
}

function hasEnough({ candidate, shadows }: Evidence): boolean {
  return candidate.runs >= enough || comesOutAlike(shadows);
}

function failing({ stable, candidate, shadows }: Evidence): string | null {
  const { runs, failures } = candidate;
  if (stable === null) {
    return runs >= aloneMin && failures > runs * aloneShare ? failed(candidate) : null;
  }
  if (failsMore(candidate, stable)) return `${failed(candidate)}; ${ofStable(stable)}`;
  const copies = { runs: shadows.compared, failures: shadows.failed };
  return failsMore(copies, shadows.stable)
    ? `${shadows.failed} of ${shadows.compared} tasks failed on it alone; ${ofStable({ ...stable, ...shadows.stable })}`
    : null;
}

type Rate = Pick<Sample, 'runs' | 'failures'>;

function failsMore(one: Rate, other: Rate): boolean {
  if (one.failures < failuresMin) return false;
  const chance = other.failures === 0 ? alarm : alarmAmongFailures;
  return isMore({ hits: one.failures, of: one.runs }, { hits: other.failures, of: other.runs }, chance);
}

/** The figures by more than the margin, and not by chance if both were equal. */
function isMore(one: Part, other: Part, chance: number): boolean {
  return partOf(one) > partOf(other) + rateMargin && chanceOfMore(one, other) < chance;
}

/** Refusals are no runs: a candidate that takes nothing would be on trial for ever. What neither takes is no fault of it. */
function refusing({ refusals }: Evidence): string | null {
  const { candidate, stable, inARow } = refusals;
  if (inARow < enough || chanceOfMore(candidate, stable) >= alarm) return null;
  const { version, hits, of } = stable;
  return `it refused all of its last ${inARow} inputs; ${version} took ${of - hits} of ${of}`;
}

function slower({ stable, candidate }: Evidence): string | null {
  if (stable === null || stable.timing.count === 0 || candidate.timing.count < enough) return null;
  const { by, error } = slowdown(candidate.timing, stable.timing);
  if (by <= slowMargin || by <= error * alarmErrors) return null;
  const [ms, usual] = [usualMs(candidate.timing), usualMs(stable.timing)];
  return `an attempt usually takes ${Math.round(ms)} ms; of ${stable.version} ${Math.round(usual)} ms`;
}

/** None of the stable version is beyond the limit: whether it is chance where those are that are is a matter of the lot. */
function late({ stable, lateness }: Evidence): string | null {
  if (stable === null || lateness === null) return null;
  const { late: hits, started: of, stableStarted, limitMs, slowestMs } = lateness;
  if (hits === 0 || chanceOfMore({ hits, of }, { hits: 0, of: stableStarted }) >= alarm) return null;
  const none = `none of ${stable.version} more than ${Math.round(slowestMs)}`;
  return `${hits} of ${of} attempts took more than ${Math.round(limitMs)} ms, or do; ${none}`;
}

function differing({ compared, different }: Shadows): string | null {
  if (different <= compared * differencesShare) return null;
  const chance = chanceOfAtLeast({ hits: different, of: compared }, differencesRate);
  return chance < alarm ? differed({ compared, different }) : null;
}

/** What is known sets it apart from a version that fails much more often, takes three times as long, or hangs. */
function isSure(evidence: Evidence): boolean {
  const { shadows, lateness, halfway } = evidence;
  if (lateness && lateness.late > lateness.started * rateMargin) return false;
  if (shadows.different > shadows.compared * differencesShare) return false;
  if (halfway && isMore(openOf(halfway.candidate), openOf(halfway.stable), patience)) return false;
  return failsLittle(evidence) && isQuick(evidence);
}

function failsLittle({ stable, candidate, shadows }: Evidence): boolean {
  if (stable === null) return true;
  // Copies that succeeded are successes too; those that failed were compared with what they were copies of.
  const runs = candidate.runs + shadows.compared - shadows.failed;
  const usual = partOf({ hits: stable.failures, of: stable.runs });
  const worse = Math.min(1, usual + rateBeyond);
  const error = Math.hypot(deviation(worse, runs), deviation(usual, stable.runs));
  return worse - candidate.failures / runs >= errors * error;
}

function isQuick({ stable, candidate }: Evidence): boolean {
  if (stable === null || candidate.timing.count < 2 || stable.timing.count < 2) return true;
  const { by, error } = slowdown(candidate.timing, stable.timing);
  return by <= slowMargin && by + errors * error < slowBeyond;
}

function figures({ stable, candidate, shadows }: Evidence): string {
  const attempts = failed(candidate) + (stable === null ? '' : `; ${ofStable(stable)}`);
  const { compared, failed: failedToo } = shadows;
  const different = shadows.different + failedToo;
  return compared === 0 ? attempts : `${differed({ compared, different })}; ${attempts}`;
}

const partOf = ({ hits, of }: Part) => (of === 0 ? 0 : hits / of);
const openOf = ({ started, open }: Open): Part => ({ hits: open, of: started });
const deviation = (rate: number, runs: number) => (runs === 0 ? 0 : Math.sqrt((rate * (1 - rate)) / runs));
const failed = ({ runs, failures }: Rate) => `${failures} of ${runs} attempts failed`;
const ofStable = ({ version, runs, failures }: Rate & { version: string }) =>
  `of ${version} ${failures} of ${runs}`;
const differed = ({ compared, different }: Pick<Shadows, 'compared' | 'different'>) =>
  `${different} of ${compared} tasks came out otherwise than on the stable version`;
