import type { Verdict } from '@tenma/bus';
import type { Assignment, CancelMessage, ReturnedEvent, VoidMessage } from '@tenma/protocol';
import { type Clock, createRecentMap } from '@tenma/runtime';
import type { AttemptReport } from './attempt-report.ts';
import type { EpochGate } from './epoch-gate.ts';
import type { Pool } from './pools/pool.ts';
import type { Seat } from './pools/seats.ts';
import type { VersionedOutcome } from './releases/interfaces.ts';
import { createVoids } from './voids.ts';

/** Takes an assignment through its attempt: seat, process, announcement, journal, acknowledgement. */
export interface Runner {
  run(assignment: Assignment, pool: RunnerPool): Promise<Verdict>;
  /** Gives one back that no pool here can run. */
  refuse(assignment: Assignment): Promise<Verdict>;
  /** Dispatches that must not start, or must stop. */
  cancel(dispatches: CancelMessage['tasks']): void;
  /** `active` has moved: what was placed before and has not started is not to be started. */
  void(message: VoidMessage): void;
  readonly runningIds: readonly string[];
  /** Starts nothing more: what is held goes back to its queue. */
  stopStarting(): void;
  /** Tells of attempts that have begun and last; call it about ten times a second. */
  tellStarted(): void;
}

/** What the runner needs of a pool. */
export type RunnerPool = Pick<Pool, 'workers' | 'seats' | 'counters'>;

interface Components {
  readonly report: AttemptReport;
  /** Holds up what follows the active region or may go anywhere. */
  readonly gate: Pick<EpochGate, 'open' | 'opened'>;
  readonly clock: Clock;
  readonly region: string;
}

interface Running {
  readonly assignment: Assignment;
  readonly cancel: () => void;
  startedAt: number;
  readonly ended: Promise<VersionedOutcome>;
}

/** Attempts shorter than this are told of only by their end: half the events for the many short tasks. */
const worthTellingMs = 200;
const tombstonesKept = 10_000;
const endedKept = 10_000;

export function createRunner(components: Components): Runner {
  return new AttemptRunner(components);
}

class AttemptRunner implements Runner {
  readonly #components: Components;
  readonly #running = new Map<string, Running>();
  /** Running attempts that have not been told of, in the order of their start. */
  readonly #untold = new Set<Running>();
  /** Up to which dispatch a task is cancelled; one retried by hand is sent out with a higher number. */
  readonly #cancelled = createRecentMap<number>(tombstonesKept);
  /** From the taking of an attempt to the confirmation of its end. */
  readonly #underWay = new Map<string, Promise<Verdict>>();
  readonly #ended = createRecentMap<true>(endedKept);
  readonly #voids = createVoids();
  #stopped = false;

  constructor(components: Components) {
    this.#components = components;
  }

  run(assignment: Assignment, pool: RunnerPool): Promise<Verdict> {
    const key = attemptKey(assignment);
    if (this.#ended.get(key)) return Promise.resolve('ack');
    // Delivered again while it runs here or its end is being written down: one run answers for both.
    const running = this.#underWay.get(key) ?? this.#take(assignment, pool);
    this.#underWay.set(key, running);
    const over = () => this.#underWay.delete(key);
    running.then(over, over);
    return running;
  }

  refuse(assignment: Assignment): Promise<Verdict> {
    return this.#giveBack(assignment, 'unknown_type');
  }

  async #take(assignment: Assignment, pool: RunnerPool): Promise<Verdict> {
    const { counters } = pool;
    counters.held += 1;
    const { seat, slots } = await this.#seatFor(assignment, pool);
    counters.held -= 1;
    let ended: { result: VersionedOutcome; startedAt: number };
    try {
      if (this.#stopped) return 'retry';
      if (await this.#isNeedless(assignment)) return 'ack';
      const refusal = this.#refusal(assignment);
      if (refusal) return await this.#giveBack(assignment, refusal);
      counters.running += 1;
      ended = await this.#execute(assignment, pool, slots);
      counters.running -= 1;
      counters.ended += 1;
      counters.ending += 1;
    } finally {
      // The seat is free before the end is announced and confirmed: that window is separate, and large.
      seat.release();
    }
    try {
      await this.#components.report.ended(assignment, ended.result, ended.startedAt);
      this.#ended.set(attemptKey(assignment), true);
      return 'ack';
    } finally {
      counters.ending -= 1;
    }
  }

  /** A seat, at a moment when it is known which assignments are void. */
  async #seatFor(
    { region, cost, input, priority }: Assignment,
    { workers, seats }: RunnerPool,
  ): Promise<{ seat: Seat; slots: number }> {
    const { gate } = this.#components;
    const bound = region !== 'active' && region !== 'any';
    if (!bound && !gate.open) await gate.opened();
    const wanted = cost ?? workers.slotsOf(input);
    const slots = typeof wanted === 'number' ? wanted : await wanted;
    for (;;) {
      const seat = await seats.acquire(slots, priority);
      if (bound || gate.open) return { seat, slots };
      seat.release();
      await gate.opened();
    }
  }

  cancel(dispatches: CancelMessage['tasks']): void {
    for (const { task_id, dispatch_no } of dispatches) {
      this.#cancelled.set(task_id, Math.max(dispatch_no, this.#cancelled.get(task_id) ?? 0));
      const entry = this.#running.get(task_id);
      if (entry && entry.assignment.dispatch_no <= dispatch_no) entry.cancel();
    }
  }

  void(message: VoidMessage): void {
    this.#voids.add(message);
  }

  stopStarting(): void {
    this.#stopped = true;
  }

  get runningIds(): readonly string[] {
    return [...this.#running.keys()];
  }

  tellStarted(): void {
    const { report, clock } = this.#components;
    const now = clock.now();
    for (const entry of this.#untold) {
      if (now - entry.startedAt < worthTellingMs) break;
      this.#untold.delete(entry);
      report.running(entry.assignment, entry.startedAt);
    }
  }

  /**
   * LE took an attempt for lost that still runs here, and has sent the task again: that attempt's end comes first.
   * Resolves with whether it has made this one needless.
   */
  async #isNeedless({ id, dispatch_no }: Assignment): Promise<boolean> {
    const earlier = this.#running.get(id);
    if (!earlier || earlier.assignment.dispatch_no >= dispatch_no) return false;
    return (await earlier.ended).outcome.outcome === 'succeeded';
  }

  /** Why it must not start. */
  #refusal(assignment: Assignment): ReturnedEvent['reason'] | null {
    const { id, dispatch_no, not_after } = assignment;
    if (dispatch_no <= (this.#cancelled.get(id) ?? 0)) return 'cancelled';
    if (this.#voids.cover(assignment)) return 'voided';
    return this.#components.clock.now() > not_after ? 'not_after' : null;
  }

  async #giveBack(assignment: Assignment, reason: ReturnedEvent['reason']): Promise<Verdict> {
    const epoch = reason === 'voided' ? this.#voids.epoch : undefined;
    await this.#components.report.returned(assignment, reason, epoch);
    return 'ack';
  }

  /** The attempt in a process, from start to outcome. */
  async #execute(
    assignment: Assignment,
    { workers }: RunnerPool,
    slots: number,
  ): Promise<{ result: VersionedOutcome; startedAt: number }> {
    const { report, clock, region } = this.#components;
    const { id, type, input, attempt, idempotency_key, timeout_ms, max_attempts, requires } = assignment;
    let sequence = 0;
    const { ended, cancel } = workers.start({
      run: { type, input, task_id: id, attempt, idempotency_key, region },
      slots,
      timeoutMs: timeout_ms,
      maxAttempts: max_attempts,
      range: requires.version,
      onProgress: (progress) => report.progress(assignment, ++sequence, progress),
      onRestart: () => this.#tellAnew(id),
    });
    const entry: Running = { assignment, cancel, startedAt: clock.now(), ended };
    this.#running.set(id, entry);
    this.#untold.add(entry);
    const result = await ended;
    this.#running.delete(id);
    this.#untold.delete(entry);
    return { result, startedAt: entry.startedAt };
  }

  /** It begins again in another process, through no fault of its own: its time counts from now, for LE too. */
  #tellAnew(taskId: string): void {
    const entry = this.#running.get(taskId);
    if (!entry) return;
    entry.startedAt = this.#components.clock.now();
    this.#untold.delete(entry);
    this.#untold.add(entry);
  }
}

function attemptKey({ id, attempt, dispatch_no }: Assignment): string {
  return `${id}/${attempt}/${dispatch_no}`;
}
