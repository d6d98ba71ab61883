import { defaults, type Json, type TaskError, taskError } from '@tenma/protocol';
import type { Clock, Log } from '@tenma/runtime';
import type { HostEvent, WorkerVersion } from '@tenma/worker/messages';
import { type Asking, createAsking } from './asking.ts';
import {
  type Attempt,
  abortOutcome,
  deathOutcome,
  failureOutcome,
  newAttempt,
  successOutcome,
} from './attempt.ts';
import { blameFor } from './blame.ts';
import { type Crew, createCrew, type Seat } from './crew.ts';
import { discardOutput } from './discard-output.ts';
import type {
  AttemptRequest,
  GroupOptions,
  Member,
  Outcome,
  Spares,
  StartedAttempt,
  WorkerGroup,
} from './interfaces.ts';
import { createSoloLanes, type SoloLanes } from './solo-lanes.ts';
import { createTimeKeeper, type TimeKeeper } from './time-keeper.ts';
import { createWaitingLine } from './waiting-line.ts';

export interface WorkerGroupOptions extends GroupOptions {
  /** A member beyond `min` that has had nothing to do for so long goes. Default 60 s. */
  readonly idleMs?: number;
  /** How long an aborted attempt has before its process is killed. Default 2 s. */
  readonly abortGraceMs?: number;
}

interface Components {
  readonly spares: Spares;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
}

const soloLanes = 2;

/** Nothing is started before it is needed, but for `min` members. Attempts that run when it is closed never end. */
export function createWorkerGroup(
  components: Components,
  worker: WorkerVersion,
  options: WorkerGroupOptions,
): WorkerGroup {
  return new HealingGroup(components, worker, options);
}

class HealingGroup implements WorkerGroup {
  readonly worker: WorkerVersion;
  readonly #clock: Clock;
  readonly #attempts = new Map<number, Attempt>();
  readonly #crew: Crew;
  readonly #solo: SoloLanes;
  readonly #asking: Asking;
  readonly #times: TimeKeeper;
  readonly #waiting = createWaitingLine();
  #busy = 0;
  #lastRunId = 0;
  #closed = false;

  constructor(components: Components, worker: WorkerVersion, options: WorkerGroupOptions) {
    const { idleMs = 60_000, abortGraceMs = defaults.abortGraceMs, ...bounds } = options;
    this.worker = worker;
    this.#clock = components.clock;
    this.#crew = createCrew(components, worker, {
      ...bounds,
      idleMs,
      wanted: () => this.#waiting.slots,
      onReady: () => this.#seatWaiting(),
      onGone: (seat, error) => this.#onGone(seat, error),
      onHopeless: (why) => this.#giveUp(why),
    });
    this.#solo = createSoloLanes({
      lanes: soloLanes,
      take: () => this.#takeAlone(components.spares),
      onStart: (attempt, member) => this.#handedOver(attempt, member),
      onEvent: (attempt, event) => this.#onEvent(attempt, event),
      onDeath: (attempt, error) => this.#closed || this.#settle(attempt, deathOutcome(attempt, error)),
      isOpen: (attempt) => this.#attempts.has(attempt.runId),
    });
    this.#asking = createAsking({ clock: components.clock, anyone: () => this.#crew.anyone() }, worker);
    this.#times = createTimeKeeper({
      clock: components.clock,
      attempts: this.#attempts,
      abortGraceMs,
      onLate: (attempt) => this.#abort(attempt, 'timeout'),
    });
    this.#crew.grow();
  }

  get processes(): number {
    return this.#crew.size;
  }

  get running(): number {
    return this.#attempts.size;
  }

  get busy(): number {
    return this.#busy;
  }

  async ready(): Promise<void> {
    await this.#crew.anyone();
  }

  start(request: AttemptRequest): StartedAttempt {
    const { promise: ended, resolve: settle } = Promise.withResolvers<Outcome>();
    const attempt = newAttempt(++this.#lastRunId, request, settle);
    this.#attempts.set(attempt.runId, attempt);
    this.#busy += request.slots;
    this.#assign(attempt);
    this.#crew.grow();
    this.#times.watch();
    return { ended, cancel: () => this.#abort(attempt, 'cancelled') };
  }

  estimate(input: Json): Promise<number> {
    return this.#asking.estimate(input);
  }

  compare(before: Json, after: Json): Promise<boolean | null> {
    return this.#asking.compare(before, after);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#times[Symbol.dispose]();
    // Whatever still comes is for nobody.
    this.#attempts.clear();
    this.#waiting.clear();
    this.#solo.close();
    await this.#crew.close();
  }

  /** The suspects come after the healing of the group: everybody else waits for that. */
  async #takeAlone(spares: Spares): Promise<Member> {
    await this.#crew.anyone().catch(() => undefined);
    return spares.take(this.worker);
  }

  /** To the member with most room; behind those that wait, if any do. */
  #assign(attempt: Attempt): void {
    const seat = this.#waiting.isEmpty ? this.#crew.take(attempt.request.slots) : undefined;
    if (seat) this.#handOver(attempt, seat);
    else this.#waiting.add(attempt);
  }

  #seatWaiting(): void {
    for (const attempt of this.#waiting) {
      const seat = this.#crew.take(attempt.request.slots);
      if (!seat) return;
      this.#waiting.remove(attempt);
      this.#handOver(attempt, seat);
    }
  }

  #handOver(attempt: Attempt, seat: Seat): void {
    this.#handedOver(attempt, seat.member);
    seat.member.run({ ...attempt.request.run, run_id: attempt.runId }, (event) => {
      if (event.kind === 'succeeded' || event.kind === 'failed') {
        this.#crew.release(seat, attempt.request.slots);
        this.#onEvent(attempt, event);
        if (!this.#waiting.isEmpty) this.#seatWaiting();
      } else this.#onEvent(attempt, event);
    });
  }

  #handedOver(attempt: Attempt, member: Member): void {
    attempt.member = member;
    attempt.startedAt = this.#clock.monotonic();
    if (attempt.begun) attempt.request.onRestart();
    attempt.begun = true;
  }

  #onEvent(attempt: Attempt, event: HostEvent): void {
    const open = this.#attempts.has(attempt.runId);
    switch (event.kind) {
      case 'progress':
        if (open) attempt.request.onProgress(event.progress);
        break;
      case 'abort_received':
        if (attempt.aborted) attempt.aborted.received = true;
        break;
      case 'succeeded':
        if (!open && 'file' in event) discardOutput(event.file);
        this.#settle(attempt, successOutcome(event));
        break;
      case 'failed':
        this.#settle(attempt, failureOutcome(attempt, event));
    }
  }

  #settle(attempt: Attempt, outcome: Outcome): void {
    if (!this.#attempts.delete(attempt.runId)) return;
    this.#busy -= attempt.request.slots;
    attempt.settle(outcome);
  }

  #onGone({ member, endedAt }: Seat, error: TaskError): void {
    const inside = [...this.#attempts.values()].filter((attempt) => attempt.member === member);
    const sinceEndMs = endedAt === null ? null : this.#clock.monotonic() - endedAt;
    const { ended, collateral, suspects } = blameFor(inside, sinceEndMs);
    for (const attempt of ended) this.#settle(attempt, deathOutcome(attempt, error));
    for (const attempt of [...collateral, ...suspects]) {
      attempt.member = null;
      attempt.aborted = null;
    }
    for (const attempt of suspects) this.#solo.add(attempt);
    this.#waiting.addFirst(collateral);
    this.#seatWaiting();
  }

  /** No process can be had: better an error, and a later attempt that may go elsewhere, than to wait for ever. */
  #giveUp(why: string): void {
    const { type, version } = this.worker.type;
    const error = taskError('worker_crashed', `no process of "${type}" ${version} could be started: ${why}`);
    for (const attempt of this.#waiting) {
      this.#waiting.remove(attempt);
      this.#settle(attempt, { outcome: 'failed', error });
    }
  }

  #abort(attempt: Attempt, reason: 'timeout' | 'cancelled'): void {
    if (attempt.aborted || !this.#attempts.has(attempt.runId)) return;
    if (!attempt.member) {
      this.#waiting.remove(attempt);
      this.#settle(attempt, abortOutcome(reason, attempt.request.timeoutMs));
      // Behind a large one that is cancelled a small one may have room.
      this.#seatWaiting();
      return;
    }
    attempt.aborted = { reason, at: this.#clock.monotonic(), received: false };
    attempt.member.abort(attempt.runId, reason);
  }
}
