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
  /** Tasks that must not start, or must stop. */
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

interface Running {
  readonly assignment: Assignment;
  readonly runId: number;
  readonly startedAt: number;
}

/** Attempts shorter than this are told of only by their end: half the events for the many short tasks. */
const worthTellingMs = 200;
const tombstonesKept = 10_000;
const endedKept = 10_000;

export function createRunner(
  components: Components,
  { weeId, region }: { weeId: string; region: string },
): Runner {
  const { group, journal, announcer, slots, clock } = components;
  const running = new Map<string, Running>();
  /** Up to which dispatch a task is cancelled; one retried by hand is sent out with a higher number. */
  const cancelled = createRecentMap<number>(tombstonesKept);
  const ended = createRecentMap<true>(endedKept);
  const lasting = new Set<Running>();

  async function giveBack(assignment: Assignment, reason: ReturnedEvent['reason']): Promise<Verdict> {
    const { id: task_id, dispatch_no } = assignment;
    await journal.write({ kind: 'returned', task_id, dispatch_no, at: clock.now(), reason });
    return 'ack';
  }

  /** The attempt in a process, from start to outcome. */
  async function execute(assignment: Assignment): Promise<{ outcome: Outcome; startedAt: number }> {
    const { id, type, input, attempt, idempotency_key, timeout_ms } = assignment;
    let sequence = 0;
    const { runId, ended: outcome } = group.start({
      run: { type, input, task_id: id, attempt, idempotency_key, region },
      timeoutMs: timeout_ms,
      onProgress: (progress) => announcer.progress(assignment, ++sequence, progress),
    });
    const entry: Running = { assignment, runId, startedAt: clock.now() };
    running.set(id, entry);
    lasting.add(entry);
    try {
      return { outcome: await outcome, startedAt: entry.startedAt };
    } finally {
      running.delete(id);
      lasting.delete(entry);
    }
  }

  async function report(assignment: Assignment, outcome: Outcome, startedAt: number): Promise<Verdict> {
    const { id: task_id, dispatch_no, attempt } = assignment;
    const at = clock.now();
    const event: Omit<FinishedEvent, 'announced'> = {
      kind: 'finished',
      task_id,
      dispatch_no,
      at,
      attempt,
      wee_id: weeId,
      region,
      started_at: startedAt,
      ...outcome,
    };
    const final =
      outcome.outcome === 'succeeded' ||
      (outcome.outcome === 'failed' && isFinalFailure(outcome.error, assignment));
    const announced = final && (await announcer.result(assignment, event));
    await journal.write({ ...event, announced });
    ended.set(attemptKey(assignment), true);
    return 'ack';
  }

  return {
    async run(assignment, counters) {
      counters.held += 1;
      await slots.acquire();
      counters.held -= 1;
      let free = false;
      const release = () => {
        if (!free) slots.release();
        free = true;
      };
      try {
        if (assignment.dispatch_no <= (cancelled.get(assignment.id) ?? 0))
          return await giveBack(assignment, 'cancelled');
        if (clock.now() > assignment.not_after) return await giveBack(assignment, 'not_after');
        // Delivered again while it runs here, or after it ended here: that attempt speaks for itself.
        if (running.has(assignment.id) || ended.get(attemptKey(assignment))) return 'ack';
        counters.running += 1;
        const { outcome, startedAt } = await execute(assignment).finally(() => {
          counters.running -= 1;
          counters.ended += 1;
          release();
        });
        return await report(assignment, outcome, startedAt);
      } finally {
        release();
      }
    },
    cancel(dispatches) {
      for (const { task_id, dispatch_no } of dispatches) {
        cancelled.set(task_id, dispatch_no);
        const entry = running.get(task_id);
        if (entry && entry.assignment.dispatch_no <= dispatch_no) group.cancel(entry.runId);
      }
    },
    get runningIds() {
      return [...running.keys()];
    },
    tellStarted() {
      const now = clock.now();
      for (const entry of lasting) {
        // In order of starting: the first that is too young ends the round.
        if (now - entry.startedAt < worthTellingMs) break;
        lasting.delete(entry);
        const { id: task_id, dispatch_no, attempt } = entry.assignment;
        const at = entry.startedAt;
        announcer.running(entry.assignment);
        journal
          .write({ kind: 'started', task_id, dispatch_no, at, attempt, wee_id: weeId, region })
          .catch(() => undefined);
      }
    },
  };
}

function attemptKey({ id, attempt, dispatch_no }: Assignment): string {
  return `${id}/${attempt}/${dispatch_no}`;
}
