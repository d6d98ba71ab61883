import type { Verdict } from '@tenma/bus';
import {
  type Assignment,
  type ControlMessage,
  type FinishedEvent,
  isFinalFailure,
  type ReturnedEvent,
} from '@tenma/protocol';
import type { Clock } from '@tenma/runtime';
import type { Announcer } from './announcer.ts';
import type { Outcome } from './attempt.ts';
import type { Journal } from './journal.ts';
import type { PoolCounters } from './pool.ts';
import type { ProcessGroup } from './process-group.ts';
import { createRecentMap } from './recent-map.ts';
import type { Slots } from './slots.ts';

/** Takes an assignment through its attempt: slot, process, announcement, journal, acknowledgement. */
export interface Runner {
  run(assignment: Assignment, counters: PoolCounters): Promise<Verdict>;
  /** Dispatches that must not start, or must stop. */
  cancel(dispatches: ControlMessage['tasks']): void;
  readonly runningIds: readonly string[];
  /** Tells of attempts that have begun and last; call it about ten times a second. */
  tellStarted(): void;
}

interface Components {
  readonly group: ProcessGroup;
  readonly journal: Journal;
  readonly announcer: Announcer;
  readonly slots: Slots;
  readonly clock: Clock;
}

interface Identity {
  readonly weeId: string;
  readonly region: string;
}

interface Running {
  readonly assignment: Assignment;
  readonly runId: number;
  readonly startedAt: number;
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
  readonly #ended = createRecentMap<true>(endedKept);

  constructor(components: Components, identity: Identity) {
    this.#components = components;
    this.#identity = identity;
  }

  async run(assignment: Assignment, counters: PoolCounters): Promise<Verdict> {
    const { slots } = this.#components;
    counters.held += 1;
    await slots.acquire();
    counters.held -= 1;
    let ended: { outcome: Outcome; startedAt: number };
    try {
      const refusal = this.#refusal(assignment);
      if (refusal === 'repeated') return 'ack';
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

  cancel(dispatches: ControlMessage['tasks']): void {
    for (const { task_id, dispatch_no } of dispatches) {
      this.#cancelled.set(task_id, dispatch_no);
      const entry = this.#running.get(task_id);
      if (entry && entry.assignment.dispatch_no <= dispatch_no) this.#components.group.cancel(entry.runId);
    }
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

  /** Why it must not start. `repeated`: delivered again while it runs here, or after it ended here. */
  #refusal(assignment: Assignment): ReturnedEvent['reason'] | 'repeated' | null {
    const { id, dispatch_no, not_after } = assignment;
    if (dispatch_no <= (this.#cancelled.get(id) ?? 0)) return 'cancelled';
    if (this.#components.clock.now() > not_after) return 'not_after';
    return this.#running.has(id) || this.#ended.get(attemptKey(assignment)) ? 'repeated' : null;
  }

  async #giveBack(assignment: Assignment, reason: ReturnedEvent['reason']): Promise<Verdict> {
    const { id: task_id, dispatch_no } = assignment;
    const at = this.#components.clock.now();
    await this.#components.journal.write({ kind: 'returned', task_id, dispatch_no, at, reason });
    return 'ack';
  }

  /** The attempt in a process, from start to outcome. */
  async #execute(assignment: Assignment): Promise<{ outcome: Outcome; startedAt: number }> {
    const { group, announcer, clock } = this.#components;
    const { id, type, input, attempt, idempotency_key, timeout_ms } = assignment;
    const startedAt = clock.now();
    let sequence = 0;
    const { runId, ended } = group.start({
      run: { type, input, task_id: id, attempt, idempotency_key, region: this.#identity.region },
      timeoutMs: timeout_ms,
      onProgress: (progress) => announcer.progress(assignment, ++sequence, progress),
    });
    const entry: Running = { assignment, runId, startedAt };
    this.#running.set(id, entry);
    this.#untold.add(entry);
    const outcome = await ended;
    this.#running.delete(id);
    this.#untold.delete(entry);
    return { outcome, startedAt };
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
