import {
  type Assignment,
  type FinishedEvent,
  isFinalFailure,
  isUrgent,
  type Json,
  type OutputRef,
  type ReturnedEvent,
  taskError,
} from '@tenma/protocol';
import { type Clock, every } from '@tenma/runtime';
import type { OutputFile } from '@tenma/worker/messages';
import type { Announcer } from './announcer.ts';
import type { Journal } from './journal.ts';
import type { Outcome } from './processes/interfaces.ts';
import type { VersionedOutcome } from './releases/interfaces.ts';

/** Tells what becomes of an attempt: whoever listens on MQTT, and LE by the journal. */
export interface AttemptReport {
  running(assignment: Assignment, startedAt: number): void;
  progress(assignment: Assignment, sequence: number, progress: Json): void;
  /** Resolves when it is written down. A large output is kept first; rejects when the WEE stops before. */
  ended(assignment: Assignment, result: VersionedOutcome, startedAt: number): Promise<void>;
  /** It has not started, and will not here. `epoch`: the one that has voided it. */
  returned(assignment: Assignment, reason: ReturnedEvent['reason'], epoch?: number): Promise<void>;
}

interface Components {
  readonly journal: Journal;
  readonly announcer: Announcer;
  /** Keeps an output that is too large for a message. */
  readonly keepOutput: (file: OutputFile, taskId: string) => Promise<OutputRef>;
  /** Aborts when the WEE stops for good: what is not told by then goes back to its queue. */
  readonly closing: AbortSignal;
  readonly clock: Clock;
}

interface Identity {
  readonly weeId: string;
  readonly region: string;
}

/** Well within what LE waits beyond the timeout of an attempt. */
const stillHereMs = 3_000;

export function createAttemptReport(components: Components, { weeId, region }: Identity): AttemptReport {
  const { journal, announcer, clock } = components;

  /** What every event of an attempt says. */
  const eventOf = (assignment: Assignment) => ({
    task_id: assignment.id,
    dispatch_no: assignment.dispatch_no,
    attempt: assignment.attempt,
    placement: assignment.placement,
    queued_at: assignment.queued_at,
    ...(isUrgent(assignment) ? { urgent: true } : {}),
    wee_id: weeId,
    region,
  });

  function journalStart(assignment: Assignment, at: number): void {
    journal.write({ kind: 'started', ...eventOf(assignment), at }).catch(() => undefined);
  }

  /** LE waits for the end of the attempt: while its output is on its way it is told that the attempt lives. */
  async function kept(file: OutputFile, assignment: Assignment) {
    using _ = every(clock, stillHereMs, () => journalStart(assignment, clock.now()));
    try {
      const output_ref = await components.keepOutput(file, assignment.id);
      return { outcome: 'succeeded' as const, output_ref };
    } catch (error) {
      if (components.closing.aborted) throw error;
      const message = `the output could not be kept: ${(error as Error).message}`;
      return { outcome: 'failed' as const, error: taskError('internal', message) };
    }
  }

  return {
    running(assignment, startedAt) {
      announcer.running(assignment);
      journalStart(assignment, startedAt);
    },
    progress: (assignment, sequence, progress) => announcer.progress(assignment, sequence, progress),
    async ended(assignment, { version, outcome }, startedAt) {
      const told = 'file' in outcome ? await kept(outcome.file, assignment) : toldOf(outcome);
      const event: Omit<FinishedEvent, 'announced'> = {
        kind: 'finished',
        ...eventOf(assignment),
        at: clock.now(),
        started_at: startedAt,
        version,
        ...told,
      };
      const announced = isEnd(told, assignment) && (await announcer.result(assignment, event));
      await journal.write({ ...event, announced });
    },
    async returned({ id, dispatch_no }, reason, epoch) {
      const heard = epoch === undefined ? {} : { epoch };
      await journal.write({ kind: 'returned', task_id: id, dispatch_no, at: clock.now(), reason, ...heard });
    },
  };
}

/** An outcome as events tell of it. */
function toldOf(outcome: Exclude<Outcome, { file: OutputFile }>) {
  return outcome.outcome === 'failed' ? { outcome: outcome.outcome, error: outcome.error } : outcome;
}

/** Whether the task ends with this attempt; a cancelled one is ended, and announced, by LE. */
function isEnd(
  { outcome, error }: Pick<FinishedEvent, 'outcome' | 'error'>,
  assignment: Assignment,
): boolean {
  return error === undefined ? outcome === 'succeeded' : isFinalFailure(error, assignment);
}
