import {
  comesOutAlike,
  enough,
  type Judgement,
  judgeCanary,
  type Lateness,
  type Refusals,
  trialMs,
} from './canary.ts';
import { createHalfwayMark, type HalfwayMark } from './halfway.ts';
import { createSampler, type Sampler } from './sampler.ts';
import type { Comparison } from './shadow.ts';
import { createShadowRuns, type ShadowRuns } from './shadow-runs.ts';
import { createSide, type Ending, type Sample } from './side.ts';
import { type Counter, createTally, type Tally } from './tally.ts';

/** A candidate on trial in this WEE: what it is given, and what is thought of it. */
export interface Trial extends Judgement {
  readonly version: string;
  /** As the release names its beginning: the same version can be tried again. */
  readonly since: string;
  /** Of this trial alone; with what the lot did not give to it. */
  readonly tally: Counter;
  /** Ready, and not found unhealthy: it may be given attempts. */
  readonly open: boolean;
  /** The candidate is ready. */
  begin(nowMs: number): void;
  /** Whether the next attempt that could go to the candidate does. */
  draw(share: number): boolean;
  /** An attempt that was drawn for, starts; it falls to the candidate or not. To be called with its end.
   * `cold`: it waits for a process. */
  watch(onTrial: boolean, nowMs: number, cold: boolean): (ending: Ending, ms: number, nowMs: number) => void;
  /** Whether a task that runs on the stable version runs on the candidate too; then {@link shadowEnded} is owed. */
  drawShadow(): boolean;
  shadowEnded(comparison: Comparison): void;
  /** True when the verdict has changed. Unhealthy is the last word. */
  judge(nowMs: number): boolean;
  /** It cannot run at all. */
  fail(reason: string): void;
}

export interface TrialOptions {
  readonly random: () => number;
  readonly version: string;
  readonly since: string;
  /** Both versions only observe: tasks may run on both. */
  readonly shadows: boolean;
  /** What it is compared with. */
  readonly stable: { readonly version: string; readonly tally: Tally };
}

/** Fewer attempts of the stable version that the lot gave to it say less than all it has done. */
const comparableRuns = 20;
/** To hang is more than to wait for a connection that a new process makes. */
const lateFactor = 2;
const lateGraceMs = trialMs;

export function createTrial(options: TrialOptions): Trial {
  return new CanaryTrial(options);
}

class CanaryTrial implements Trial {
  readonly #options: TrialOptions;
  readonly tally = createTally();
  verdict: Judgement['verdict'] = 'trying';
  reason = 'it is being started';
  /** Of the stable version, when the trial was set up. */
  readonly #before: { readonly runs: number; readonly failures: number };
  /** Of the stable version: what it had done when an attempt was last seen to have succeeded, or the candidate was ready. */
  #lastGood = { runs: 0, failures: 0 };
  #beganAt: number | null = null;
  #halfway: HalfwayMark | null = null;
  readonly #attempts: Sampler;
  readonly #shadowRuns: ShadowRuns;
  /** Those that the lot gave to the candidate, and those that it might have got at the same time and did not. */
  readonly #tried = createSide();
  readonly #spared = createSide();
  /** Ended later than any of the stable version by far, when they did. */
  #late = 0;

  constructor(options: TrialOptions) {
    this.#options = options;
    this.#attempts = createSampler(options.random);
    this.#shadowRuns = createShadowRuns(options.random, this.tally);
    this.#before = countsOf(options.stable.tally);
  }

  get version(): string {
    return this.#options.version;
  }

  get since(): string {
    return this.#options.since;
  }

  get open(): boolean {
    return this.#beganAt !== null && this.verdict !== 'unhealthy';
  }

  begin(nowMs: number): void {
    if (this.#beganAt === null) this.#lastGood = countsOf(this.#options.stable.tally);
    this.#beganAt ??= nowMs;
    this.#halfway ??= createHalfwayMark(nowMs, this.#tried, this.#spared);
    this.judge(nowMs);
  }

  draw(share: number): boolean {
    return this.#takesAttempts && this.#attempts.draw(share);
  }

  watch(onTrial: boolean, nowMs: number, cold: boolean): ReturnType<Trial['watch']> {
    // Before it may be drawn, others are another time's.
    if (!this.#takesAttempts) return () => undefined;
    const side = onTrial ? this.#tried : this.#spared;
    const warm = side.warm && !cold;
    const ended = side.start(nowMs, warm);
    return (ending, ms, endMs) => {
      if (onTrial && warm && this.#isComparable && ms > this.#limitMs(endMs)) this.#late += 1;
      ended(ending, ms);
    };
  }

  drawShadow(): boolean {
    return this.#options.shadows && this.#shadowRuns.draw(this.#takesAttempts);
  }

  shadowEnded(comparison: Comparison): void {
    this.#shadowRuns.ended(comparison);
  }

  judge(nowMs: number): boolean {
    if (this.#beganAt === null || this.verdict === 'unhealthy') return false;
    const before = this.verdict;
    this.#followStable();
    const { compared, different, failed } = this.#shadowRuns;
    const evidence = {
      stable: this.#compared(),
      candidate: this.#tried,
      lateness: this.#lateness(nowMs),
      halfway: this.#halfway?.at(nowMs) ?? null,
      refusals: this.#refusals,
      shadows: { compared, different, failed, stable: this.#meanwhile },
      sinceMs: nowMs - this.#beganAt,
    };
    const { verdict, reason } = this.#incomparable() ?? judgeCanary(evidence);
    this.verdict = verdict;
    this.reason = reason;
    return verdict !== before;
  }

  fail(reason: string): void {
    this.verdict = 'unhealthy';
    this.reason = `it does not start: ${reason}`;
  }

  /** A candidate that can be compared without harm is, before any task depends on it. */
  get #takesAttempts(): boolean {
    if (!this.#options.shadows || comesOutAlike(this.#shadowRuns) || this.verdict === 'healthy') return true;
    return this.#stableOnlyFails;
  }

  /** There is nothing to compare copies with, and nothing to lose: the candidate may be the repair. */
  get #stableOnlyFails(): boolean {
    return this.#options.stable.tally.runs - this.#lastGood.runs >= enough;
  }

  /** To be called at every end: a success in between ends the row. */
  #followStable(): void {
    const now = countsOf(this.#options.stable.tally);
    if (now.runs - now.failures > this.#lastGood.runs - this.#lastGood.failures) this.#lastGood = now;
  }

  /** What the stable version did since the trial was set up. */
  get #meanwhile(): Pick<Sample, 'runs' | 'failures'> {
    const { runs, failures } = countsOf(this.#options.stable.tally);
    return { runs: runs - this.#before.runs, failures: failures - this.#before.failures };
  }

  /** Whatever the stable version ran it took, also what the candidate had refused. */
  get #refusals(): Refusals {
    const [tried, spared] = [this.#tried, this.#spared];
    const { version } = this.#options.stable;
    return {
      candidate: { hits: tried.refused, of: tried.refused + tried.runs },
      stable: { version, hits: spared.refused, of: spared.refused + this.#meanwhile.runs },
      inARow: tried.refusedInARow,
    };
  }

  /** It would be compared for ever, and never come to its share. */
  #incomparable(): Judgement | null {
    const { uncompared, refused } = this.#shadowRuns;
    if (this.#takesAttempts || uncompared < enough) return null;
    const { version } = this.#options.stable;
    const reason = `none of the last ${uncompared} tasks could be compared with ${version}; it refused ${refused}`;
    return { verdict: 'unhealthy', reason };
  }

  get #isComparable(): boolean {
    return this.#spared.runs >= comparableRuns;
  }

  #limitMs(nowMs: number): number {
    return this.#spared.slowestMs(nowMs) * lateFactor + lateGraceMs;
  }

  #lateness(nowMs: number): Lateness | null {
    if (!this.#isComparable) return null;
    const [slowestMs, limitMs] = [this.#spared.slowestMs(nowMs), this.#limitMs(nowMs)];
    return {
      slowestMs,
      limitMs,
      late: this.#late + this.#tried.openBeyond(limitMs, nowMs, true),
      started: this.#tried.startedWarm,
      stableStarted: this.#spared.startedWarm,
    };
  }

  /**
   * What the lot gave to the stable version: the same kind of attempts at the same time. Later attempts of a task, which
   * are of the harder ones, and tasks that the candidate may not have, are not. All it has done counts where that is
   * little, or where it has never failed; but not once it has failed meanwhile, as the times are not like those before.
   */
  #compared(): (Sample & { version: string }) | null {
    const { version, tally } = this.#options.stable;
    if (tally.runs === 0) return null;
    const spared = this.#spared;
    const fallback = this.#isComparable || spared.failures > 0 ? spared : tally;
    const { runs, failures } = tally.failures === 0 ? tally : fallback;
    return { version, runs, failures, timing: fallback.timing };
  }
}

const countsOf = ({ runs, failures }: Tally) => ({ runs, failures });
