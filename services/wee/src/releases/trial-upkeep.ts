import type { Clock, Log } from '@tenma/runtime';
import type { WorkerVersion } from '@tenma/worker/messages';
import { trialMs } from './canary.ts';
import type { Lane } from './lane.ts';
import type { RoutedLanes } from './routing.ts';
import type { Tallies } from './tally.ts';
import { createTrial, type Trial } from './trial.ts';
import { openIfNeeded, type VersionLanes } from './version-lanes.ts';

/** What is to be tried, and beside what. */
export interface TrialPlan {
  readonly stable: WorkerVersion;
  readonly candidate: WorkerVersion;
  /** Of the attempts that the candidate could take, the part that it gets. */
  readonly share: number;
  /** Names the trial: another one begins anew. */
  readonly since: string;
}

/** One trial after the other: begun as planned, judged as attempts end, over when the candidate is condemned. */
export interface TrialUpkeep extends Disposable {
  readonly trial: Trial | null;
  /** Where the candidate's share goes, as long as it is trusted with one. */
  readonly open: RoutedLanes['candidate'];
  /** Brings it in step with the plan; null: nothing is to be tried. */
  follow(plan: TrialPlan | null): void;
  /** An attempt, or a comparison, has ended. */
  judge(): void;
  /** The lane could not be started: that ends the trial if it is the one on trial. */
  fault(lane: Lane, reason: string): void;
  /** Whether the lane is on trial, and not condemned. */
  needs(lane: Lane): boolean;
}

interface Components {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly lanes: VersionLanes;
  readonly tallies: Tallies;
  readonly onVerdict: (verdict: Trial['verdict']) => void;
}

export function createTrialUpkeep(components: Components): TrialUpkeep {
  return new OneTrialAtATime(components);
}

class OneTrialAtATime implements TrialUpkeep {
  readonly #components: Components;
  #plan: TrialPlan | null = null;
  #end: Disposable | null = null;
  trial: Trial | null = null;

  constructor(components: Components) {
    this.#components = components;
  }

  get open(): RoutedLanes['candidate'] {
    const [lane, trial] = [this.#lane, this.trial];
    return this.#plan && lane && trial?.open ? { lane, trial, share: this.#plan.share } : null;
  }

  follow(plan: TrialPlan | null): void {
    this.#plan = plan;
    if (plan === null) {
      this.trial = null;
      return;
    }
    const { clock, lanes } = this.#components;
    const trial = (this.trial = this.#trialOf(plan));
    if (trial.verdict === 'unhealthy') return;
    const lane = lanes.of(plan.candidate);
    // An attempt is not to find out whether it starts.
    if (lane.assumed) lane.open();
    else openIfNeeded(lane);
    if (lane.state !== 'ready' || trial.open) return;
    trial.begin(clock.monotonic());
    this.#end?.[Symbol.dispose]();
    this.#end = clock.after(trialMs, () => this.judge());
  }

  judge(): void {
    const { trial } = this;
    if (!trial?.judge(this.#components.clock.monotonic())) return;
    if (trial.verdict === 'unhealthy') this.#condemned(trial);
    else this.#components.onVerdict(trial.verdict);
  }

  fault(lane: Lane, reason: string): void {
    if (!this.trial || lane !== this.#lane) return;
    this.trial.fail(reason);
    this.#condemned(this.trial);
  }

  needs(lane: Lane): boolean {
    return this.trial !== null && this.trial.verdict !== 'unhealthy' && lane === this.#lane;
  }

  [Symbol.dispose](): void {
    this.#end?.[Symbol.dispose]();
  }

  /** The version on trial, whatever is thought of it. */
  get #lane(): Lane | undefined {
    return this.#plan ? this.#components.lanes.find(this.#plan.candidate) : undefined;
  }

  /** The one that runs, if the plan names no other. */
  #trialOf({ stable, candidate, since }: TrialPlan): Trial {
    const { version } = candidate.type;
    if (this.trial?.version === version && this.trial.since === since) return this.trial;
    const { random, tallies } = this.#components;
    const shadows = stable.type.shadow === true && candidate.type.shadow === true;
    const usual = { version: stable.type.version, tally: tallies.of(stable.type.version) };
    const trial = createTrial({ random, version, since, shadows, stable: usual });
    tallies.begin(version, trial.tally);
    return trial;
  }

  #condemned({ version, verdict, reason }: Trial): void {
    const type = this.#plan?.candidate.type.type;
    this.#components.log.warn({ type, version, reason }, 'the candidate is unhealthy');
    this.#components.onVerdict(verdict);
  }
}
