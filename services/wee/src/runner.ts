import type { Verdict } from '@tenma/bus';
import {
  type Assignment,
  type CancelMessage,
  type FinishedEvent,
  isFinalFailure,
  type ReturnedEvent,
  type VoidMessage,
} from '@tenma/protocol';
import { type Clock, createRecentMap } from '@tenma/runtime';
import type { Announcer } from './announcer.ts';
import type { Outcome } from './attempt.ts';
import type { EpochGate } from './epoch-gate.ts';
import type { Journal } from './journal.ts';
import type { PoolCounters } from './pool.ts';
import type { ProcessGroup } from './process-group.ts';
import type { Slots } from './slots.ts';
import { createVoids } from './voids.ts';

/** Takes an assignment through its attempt: slot, process, announcement, journal, acknowledgement. */
export interface Runner {
  run(assignment: Assignment, counters: PoolCounters): Promise<Verdict>;
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

interface Components {
  readonly group: ProcessGroup;
  readonly journal: Journal;
  readonly announcer: Announcer;
  readonly slots: Slots;
  /** Holds up what follows the active region or may go anywhere. */
  readonly gate: Pick<EpochGate, 'open' | 'opened'>;
  readonly clock: Clock;
}

interface Identity {
  readonly weeId: string;
  readonly region: string;
}

interface Running {
  readonly assignment: Assignment;
  readonly runId: number;
  startedAt: number;
  readonly ended: Promise<Outcome>;
}

/** Attempts shorter than this are told of only by their end: half the events for the many short tasks. */
const worthTellingMs = 200;
const tombstonesKept = 10_000;
const endedKept = 10_000;

export function createRunner(components: Components, identity: Identity): Runner {
  return new AttemptRunner(components, identity);
}

class AttemptRunner implements Runner {
  readonly #components: Components;
  readonly #identity: Identity;
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

  constructor(components: Components, identity: Identity) {
    this.#components = components;
    this.#identity = identity;
  }

  run(assignment: Assignment, counters: PoolCounters): Promise<Verdict> {
    const key = attemptKey(assignment);
    if (this.#ended.get(key)) return Promise.resolve('ack');
    // Delivered again while it runs here or its end is being written down: one run answers for both.
    const running = this.#underWay.get(key) ?? this.#take(assignment, counters);
    this.#underWay.set(key, running);
    const over = () => this.#underWay.delete(key);
    running.then(over, over);
    return running;
  }

  async #take(assignment: Assignment, counters: PoolCounters): Promise<Verdict> {
    const { slots } = this.#components;
    counters.held += 1;
    await this.#slotFor(assignment);
    counters.held -= 1;
    let ended: { outcome: Outcome; startedAt: number };
    try {
      if (this.#stopped) return 'retry';
      if (await this.#isNeedless(assignment)) return 'ack';
      const refusal = this.#refusal(assignment);
      if (refusal) return await this.#giveBack(assignment, refusal);
      counters.running += 1;
      ended = await this.#execute(assignment);
      counters.running -= 1;
      counters.ended += 1;
    } finally {
      // The slot is free before the end is announced and confirmed: that window is separate, and large.
      slots.release();
    }
    return this.#report(assignment, ended.outcome, ended.startedAt);
  }

  /** A slot, at a moment when it is known which assignments are void. */
  async #slotFor({ region }: Assignment): Promise<void> {
    const { slots, gate } = this.#components;
    const bound = region !== 'active' && region !== 'any';
    if (bound) return slots.acquire();
    for (;;) {
      await gate.opened();
      await slots.acquire();
      if (gate.open) return;
      slots.release();
    }
  }

  cancel(dispatches: CancelMessage['tasks']): void {
    for (const { task_id, dispatch_no } of dispatches) {
      this.#cancelled.set(task_id, Math.max(dispatch_no, this.#cancelled.get(task_id) ?? 0));
      const entry = this.#running.get(task_id);
      if (entry && entry.assignment.dispatch_no <= dispatch_no) this.#components.group.cancel(entry.runId);
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
    const { announcer, journal, clock } = this.#components;
    const now = clock.now();
    for (const entry of this.#untold) {
      if (now - entry.startedAt < worthTellingMs) break;
      this.#untold.delete(entry);
      announcer.running(entry.assignment);
      const event = { kind: 'started' as const, ...this.#eventOf(entry.assignment), at: entry.startedAt };
      journal.write(event).catch(() => undefined);
    }
  }

  /**
   * LE took an attempt for lost that still runs here, and has sent the task again: that attempt's end comes first.
   * Resolves with whether it has made this one needless.
   */
  async #isNeedless({ id, dispatch_no }: Assignment): Promise<boolean> {
    const earlier = this.#running.get(id);
    if (!earlier || earlier.assignment.dispatch_no >= dispatch_no) return false;
    return (await earlier.ended).outcome === 'succeeded';
  }

  /** Why it must not start. */
  #refusal(assignment: Assignment): ReturnedEvent['reason'] | null {
    const { id, dispatch_no, not_after } = assignment;
    if (dispatch_no <= (this.#cancelled.get(id) ?? 0)) return 'cancelled';
    if (this.#voids.cover(assignment)) return 'voided';
    return this.#components.clock.now() > not_after ? 'not_after' : null;
  }

  async #giveBack(assignment: Assignment, reason: ReturnedEvent['reason']): Promise<Verdict> {
    const { id: task_id, dispatch_no } = assignment;
    const at = this.#components.clock.now();
    const heard = reason === 'voided' ? { epoch: this.#voids.epoch } : {};
    await this.#components.journal.write({ kind: 'returned', task_id, dispatch_no, at, reason, ...heard });
    return 'ack';
  }

  /** The attempt in a process, from start to outcome. */
  async #execute(assignment: Assignment): Promise<{ outcome: Outcome; startedAt: number }> {
    const { group, announcer, clock } = this.#components;
    const { id, type, input, attempt, idempotency_key, timeout_ms } = assignment;
    let sequence = 0;
    const { runId, ended } = group.start({
      run: { type, input, task_id: id, attempt, idempotency_key, region: this.#identity.region },
      timeoutMs: timeout_ms,
      onProgress: (progress) => announcer.progress(assignment, ++sequence, progress),
      onRestart: () => this.#tellAnew(id),
    });
    const entry: Running = { assignment, runId, startedAt: clock.now(), ended };
    this.#running.set(id, entry);
    this.#untold.add(entry);
    const outcome = await ended;
    this.#running.delete(id);
    this.#untold.delete(entry);
    return { outcome, startedAt: entry.startedAt };
  }

  /** It begins again in another process, through no fault of its own: its time counts from now, for LE too. */
  #tellAnew(taskId: string): void {
    const entry = this.#running.get(taskId);
    if (!entry) return;
    entry.startedAt = this.#components.clock.now();
    this.#untold.delete(entry);
    this.#untold.add(entry);
  }

  async #report(assignment: Assignment, outcome: Outcome, startedAt: number): Promise<Verdict> {
    const { announcer, journal, clock } = this.#components;
    const event: Omit<FinishedEvent, 'announced'> = {
      kind: 'finished',
      ...this.#eventOf(assignment),
      at: clock.now(),
      started_at: startedAt,
      ...outcome,
    };
    const announced = isEnd(outcome, assignment) && (await announcer.result(assignment, event));
    await journal.write({ ...event, announced });
    this.#ended.set(attemptKey(assignment), true);
    return 'ack';
  }

  /** What every event of an attempt says. */
  #eventOf({ id, dispatch_no, attempt, placement, queued_at }: Assignment) {
    const { weeId, region } = this.#identity;
    return { task_id: id, dispatch_no, attempt, placement, queued_at, wee_id: weeId, region };
  }
}

/** Whether the task ends with this attempt; a cancelled one is ended, and announced, by LE. */
function isEnd(outcome: Outcome, assignment: Assignment): boolean {
  if (outcome.outcome === 'failed') return isFinalFailure(outcome.error, assignment);
  return outcome.outcome === 'succeeded';
}

function attemptKey({ id, attempt, dispatch_no }: Assignment): string {
  return `${id}/${attempt}/${dispatch_no}`;
}
