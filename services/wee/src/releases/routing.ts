import { isInRange, type TaskType, taskError } from '@tenma/protocol';
import type { Clock, Log } from '@tenma/runtime';
import type { Outcome } from '../processes/interfaces.ts';
import type { PoolWorkers, VersionedOutcome, VersionedRequest } from './interfaces.ts';
import type { Lane, LaneAttempt } from './lane.ts';
import { type Comparison, compareShadow } from './shadow.ts';
import type { Ending } from './side.ts';
import type { Counter } from './tally.ts';
import type { Trial } from './trial.ts';

/** Between which versions attempts are divided at a moment. */
export interface RoutedLanes {
  /** As the stable version says, be it ready or not. */
  readonly type: TaskType;
  readonly stable: Lane | null;
  /** As long as it is trusted to run attempts. */
  readonly candidate: { readonly lane: Lane; readonly trial: Trial; readonly share: number } | null;
}

/** Which version runs an attempt, and what follows from how it ends. */
export type Routing = Pick<PoolWorkers, 'start'>;

interface Components {
  readonly clock: Clock;
  readonly log: Log;
  readonly lanes: () => RoutedLanes;
  readonly tallyOf: (version: string) => Counter;
  /** An attempt, or a comparison, has ended and been counted. */
  readonly onEnd: () => void;
}

export function createRouting(components: Components): Routing {
  return new TrialRouting(components);
}

/** A task's attempt on its way: the second version where the first refuses it. */
interface Course {
  readonly request: VersionedRequest;
  /** The candidate got it as its share; another attempt can follow on the stable version. */
  readonly onTrial: boolean;
  cancelled: boolean;
  attempt: LaneAttempt;
}

/** `watch`: of an attempt that was drawn for, to be called with its end. */
interface Choice {
  readonly lane: Lane | null;
  readonly onTrial: boolean;
  readonly watch?: (ending: Ending, ms: number) => void;
}

class TrialRouting implements Routing {
  readonly #components: Components;

  constructor(components: Components) {
    this.#components = components;
  }

  start(request: VersionedRequest): ReturnType<Routing['start']> {
    const { lane, onTrial, watch } = this.#choose(request);
    if (!lane) return { ended: Promise.resolve(this.#nobody(request)), cancel: () => undefined };
    const course: Course = { request, onTrial, cancelled: false, attempt: this.#run(lane, request, watch) };
    return {
      ended: this.#follow(lane, course),
      cancel: () => {
        course.cancelled = true;
        course.attempt.cancel();
      },
    };
  }

  #choose({ range, run, maxAttempts }: VersionedRequest): Choice {
    const lanes = this.#components.lanes();
    const [stable, candidate] = [admitted(lanes.stable, range), admitted(lanes.candidate?.lane, range)];
    const trial = lanes.candidate?.trial;
    const canFollow = run.attempt === 1 && maxAttempts > 1;
    if (!stable || !candidate || !trial || !canFollow) return { lane: stable ?? candidate, onTrial: false };
    const onTrial = trial.draw(lanes.candidate.share);
    const lane = onTrial ? candidate : stable;
    const { clock } = this.#components;
    const ended = trial.watch(onTrial, clock.monotonic(), lane.group.processes === 0);
    return { lane, onTrial, watch: (ending, ms) => ended(ending, ms, clock.monotonic()) };
  }

  /** An attempt, counted for its version; and on the candidate too where that is to be compared. */
  #run(lane: Lane, request: VersionedRequest, watch?: Choice['watch']): LaneAttempt {
    const attempt = lane.run(request);
    const tally = this.#components.tallyOf(lane.version);
    const counted = attempt.ended.then((end) => {
      const ending = endingOf(end.outcome);
      if (ending === 'succeeded') tally.succeeded(end.ms);
      else if (ending === 'failed') tally.failed();
      watch?.(ending, end.ms);
      this.#components.onEnd();
      return end;
    });
    const original = counted.then(({ outcome }) => outcome);
    if (lane === this.#components.lanes().stable) this.#shadow(request, original);
    return { ended: counted, cancel: () => attempt.cancel() };
  }

  #shadow(request: VersionedRequest, original: Promise<Outcome>): void {
    const { lane, trial } = this.#components.lanes().candidate ?? {};
    if (!lane || !admitted(lane, request.range) || !trial?.drawShadow()) return;
    const unheard = { onProgress: () => undefined, onRestart: () => undefined };
    const shadow = lane.run({ ...request, ...unheard });
    const compared = compareShadow(original, shadow, (before, after) => lane.group.compare(before, after));
    const told = (comparison: Comparison) => {
      trial.shadowEnded(comparison);
      this.#components.onEnd();
    };
    lane.during(compared).then(told, (error: unknown) => {
      this.#components.log.warn({ err: error, version: lane.version }, 'a shadow was not compared');
      told('incomparable');
    });
  }

  /** The attempt to its end: at no cost on the other version where the first refuses the input. */
  async #follow(lane: Lane, course: Course): Promise<VersionedOutcome> {
    const wasStable = lane === this.#components.lanes().stable;
    const { outcome } = await course.attempt.ended;
    const first: VersionedOutcome = { version: lane.version, outcome };
    if (outcome.outcome !== 'failed') return first;
    if (!outcome.refused) {
      if (!course.onTrial) return first;
      return { ...first, outcome: { ...outcome, error: { ...outcome.error, retryable: true } } };
    }
    const { stable, candidate } = this.#components.lanes();
    const other = admitted(lane === stable ? candidate?.lane : stable, course.request.range);
    if (!other || other === lane || course.cancelled) return first;
    course.attempt = this.#run(other, course.request);
    const { outcome: second } = await course.attempt.ended;
    const bothRefuse = second.outcome === 'failed' && second.refused === true;
    return bothRefuse && wasStable ? first : { version: other.version, outcome: second };
  }

  #nobody({ range }: VersionedRequest): VersionedOutcome {
    const { type, version } = this.#components.lanes().type;
    const asked = range === undefined ? '' : ` in the range ${range}`;
    const message = `this WEE runs no version of ${type}${asked}`;
    return { version, outcome: { outcome: 'failed', error: taskError('no_eligible_worker', message) } };
  }
}

function admitted(lane: Lane | null | undefined, range: string | undefined): Lane | null {
  return lane && (range === undefined || isInRange(lane.version, range)) ? lane : null;
}

/** What an attempt says of its version: nothing where it was cancelled. */
function endingOf(outcome: Outcome): Ending {
  if (outcome.outcome === 'cancelled') return 'other';
  if (outcome.outcome === 'succeeded') return 'succeeded';
  return outcome.refused ? 'refused' : 'failed';
}
