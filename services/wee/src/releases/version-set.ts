import { type Json, majorOf, slotsOf, slotsOfProcess, type TaskType } from '@tenma/protocol';
import { type Clock, fullJitterMs, type Log, reconnectBackoff } from '@tenma/runtime';
import type { WorkerVersion } from '@tenma/worker/messages';
import type { GroupOptions, WorkerGroup } from '../processes/interfaces.ts';
import type { PoolWorkers, VersionedRequest } from './interfaces.ts';
import { createLane, type Lane } from './lane.ts';
import { type LaneReport, laneReport } from './lane-report.ts';
import { createRouting, type Routing } from './routing.ts';
import { createTallies } from './tally.ts';
import { createTrialUpkeep, type TrialPlan, type TrialUpkeep } from './trial-upkeep.ts';
import { createVersionLanes, openIfNeeded, type VersionLanes } from './version-lanes.ts';

/** What a version set is to run. `since` is empty while LE has said nothing of the type. */
export interface VersionPlan extends Omit<TrialPlan, 'candidate'> {
  readonly candidate: WorkerVersion | null;
}

/** The versions of one type and major, with the update from one to the next. */
export interface VersionSet extends PoolWorkers, AsyncDisposable {
  /** The version that is stable in fact: until the planned one is ready, the one before it. */
  readonly stable: WorkerVersion | null;
  /** The stable version could not be started when that was last tried; it is tried again. */
  readonly faulty: boolean;
  /** Versions that have processes, or are being started. */
  readonly versions: readonly WorkerVersion[];
  /** Resolves when the stable version is ready, or has failed to be for the first time. */
  readonly opened: Promise<void>;
  follow(plan: VersionPlan): void;
  report(version: string): LaneReport;
  /** Nothing more is to run in it; what it was given still does, and then its processes end. */
  retire(): void;
}

export interface VersionSetComponents {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly createGroup: (worker: WorkerVersion, options: GroupOptions) => WorkerGroup;
  /** Something to be told may have changed. */
  readonly onChange: () => void;
}

export function createVersionSet(
  components: VersionSetComponents,
  plan: VersionPlan,
  bounds: GroupOptions,
): VersionSet {
  return new UpdatingSet(components, plan, bounds);
}

class UpdatingSet implements VersionSet {
  readonly #components: VersionSetComponents;
  readonly #bounds: GroupOptions;
  readonly #lanes: VersionLanes;
  readonly #tallies = createTallies();
  readonly #upkeep: TrialUpkeep;
  readonly #routing: Routing;
  readonly #opened = Promise.withResolvers<void>();
  #plan: VersionPlan;
  #stable: Lane | null = null;
  #failedStarts = 0;
  #nextStart: Disposable | null = null;
  #retired = false;

  constructor(components: VersionSetComponents, plan: VersionPlan, bounds: GroupOptions) {
    const { clock, log, random, onChange } = components;
    this.#components = components;
    this.#bounds = bounds;
    this.#plan = plan;
    this.#lanes = createVersionLanes((worker, onGone) => this.#createLane(worker, onGone));
    const [lanes, tallies] = [this.#lanes, this.#tallies];
    const onVerdict = (verdict: string) => (verdict === 'unhealthy' ? this.#settle() : onChange());
    this.#upkeep = createTrialUpkeep({ clock, log, random, lanes, tallies, onVerdict });
    this.#routing = createRouting({
      clock,
      log,
      lanes: () => ({ type: this.type, stable: this.#stable, candidate: this.#upkeep.open }),
      tallyOf: (version) => tallies.of(version),
      onEnd: () => this.#upkeep.judge(),
    });
    this.follow(plan);
  }

  get type(): TaskType {
    return (this.#stable?.worker ?? this.#plan.stable).type;
  }

  get major(): number {
    return majorOf(this.type.version);
  }

  get slots(): number {
    return Math.min(this.type.slots ?? Number.POSITIVE_INFINITY, this.#bounds.max * slotsOfProcess);
  }

  get meanMs(): number | null {
    return this.#tallies.of(this.type.version).meanMs;
  }

  get stable(): WorkerVersion | null {
    return this.#stable?.worker ?? null;
  }

  get faulty(): boolean {
    return this.#stable?.faulty === true;
  }

  get versions(): readonly WorkerVersion[] {
    return this.#lanes.all.map(({ worker }) => worker);
  }

  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  follow(plan: VersionPlan): void {
    const isGuessed = this.#plan.since === '';
    this.#plan = plan;
    this.#retired = false;
    const next = this.#lanes.of(plan.stable);
    if (this.#stable !== next && !this.#bridges(this.#stable, isGuessed)) this.#stable = null;
    // The first of a pool starts with its first task: a WEE of many types begins without a process for each.
    if (this.#stable === null && this.#bounds.min === 0 && next.state !== 'ready') next.assume();
    else openIfNeeded(next);
    this.#settle();
  }

  retire(): void {
    this.#retired = true;
    this.#opened.resolve();
    this.#settle();
  }

  start(request: VersionedRequest): ReturnType<PoolWorkers['start']> {
    return this.#routing.start(request);
  }

  slotsOf(input: Json): number | Promise<number> {
    const { cost } = this.type;
    if (cost !== 'by_input') return slotsOf(cost);
    const stable = this.#stable;
    return stable ? stable.during(stable.group.estimate(input)) : slotsOf(cost);
  }

  report(version: string): LaneReport {
    const lanes = this.#lanes.all.filter((lane) => lane.version === version);
    const { trial } = this.#upkeep;
    const own = trial?.version === version ? trial : null;
    return laneReport(this.#roleOf(version), lanes, own, this.#tallies.of(version));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#nextStart?.[Symbol.dispose]();
    this.#upkeep[Symbol.dispose]();
    this.#opened.resolve();
    await this.#lanes[Symbol.asyncDispose]();
  }

  #roleOf(version: string): LaneReport['role'] {
    if (this.#stable?.version === version && !this.#retired) return 'stable';
    if (this.#upkeep.trial?.version === version) return 'candidate';
    const isDraining = this.#lanes.all.some((lane) => lane.version === version && lane.retired);
    return isDraining ? 'draining' : null;
  }

  /**
   * Whether the stable version may go on until the planned one is ready. What nobody has used yet need not: LE may have
   * rejected it before this WEE was told.
   */
  #bridges(lane: Lane | null, isGuessed: boolean): boolean {
    if (!lane || lane.faulty) return false;
    return !lane.unused || !(lane.assumed || isGuessed);
  }

  get #planned(): Lane | undefined {
    return this.#lanes.find(this.#plan.stable);
  }

  #createLane(worker: WorkerVersion, onGone: () => void): Lane {
    const { clock, log, createGroup, onChange } = this.#components;
    const lane = createLane({
      clock,
      log,
      group: createGroup(worker, this.#bounds),
      onReady: () => this.#settle(),
      onFault: (reason) => this.#onFault(lane, reason),
      onGone: () => {
        onGone();
        if (this.#stable === lane) this.#stable = null;
        onChange();
      },
    });
    return lane;
  }

  /** Brings what runs in step with the plan, as far as what has been planned is ready. */
  #settle(): void {
    const planned = this.#planned;
    if (planned?.state === 'ready') {
      const [{ log }, before] = [this.#components, this.#stable];
      this.#stable = planned;
      if (before !== planned)
        log.info(
          { type: this.type.type, version: planned.version, before: before?.version },
          'stable version',
        );
      this.#failedStarts = 0;
      this.#opened.resolve();
    }
    this.#upkeep.follow(this.#tried);
    for (const lane of this.#lanes.all) {
      if (this.#isNeeded(lane)) lane.keep();
      else lane.retire();
    }
    this.#components.onChange();
  }

  #isNeeded(lane: Lane): boolean {
    if (this.#retired) return false;
    if (lane === this.#stable || lane === this.#planned) return true;
    return this.#upkeep.needs(lane);
  }

  /** Null: there is nothing to try beside what is stable in fact. */
  get #tried(): TrialPlan | null {
    const { candidate } = this.#plan;
    if (this.#retired || !candidate || candidate.type.version === this.#stable?.version) return null;
    return { ...this.#plan, candidate };
  }

  #onFault(lane: Lane, reason: string): void {
    if (this.#retired) this.#components.onChange();
    else if (lane === this.#planned) this.#startLater(lane, reason);
    else this.#upkeep.fault(lane, reason);
  }

  #startLater(lane: Lane, reason: string): void {
    const { clock, log, random, onChange } = this.#components;
    const { type } = lane.worker.type;
    log.error({ type, version: lane.version, reason }, 'a version does not start; it is tried again');
    this.#opened.resolve();
    this.#nextStart?.[Symbol.dispose]();
    this.#nextStart = clock.after(fullJitterMs(reconnectBackoff, ++this.#failedStarts, random), () => {
      if (this.#planned === lane && !this.#retired && lane.state === 'faulty') lane.open();
    });
    onChange();
  }
}
