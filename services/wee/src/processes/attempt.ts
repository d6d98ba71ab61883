import type { TaskError } from '@tenma/protocol';
import type { HostEvent } from '@tenma/worker/messages';
import type { AttemptRequest, Member, Outcome } from './interfaces.ts';

/** An attempt inside a process group. Mutable: the group moves it between processes and marks what it did to it. */
export interface Attempt {
  readonly runId: number;
  readonly request: AttemptRequest;
  /** It has been in a process before. */
  begun: boolean;
  /** Null while it waits for one. */
  member: Member | null;
  /** When it was handed to that member, on the monotonic clock. */
  startedAt: number;
  aborted: { reason: 'timeout' | 'cancelled'; at: number; received: boolean } | null;
  /** Its process was killed because of this attempt and no other. */
  culprit: boolean;
  readonly settle: (outcome: Outcome) => void;
}

/** One that is in no process yet; `settle` is told how it ends. */
export function newAttempt(runId: number, request: AttemptRequest, settle: Attempt['settle']): Attempt {
  return {
    runId,
    request,
    begun: false,
    member: null,
    startedAt: 0,
    aborted: null,
    culprit: false,
    settle,
  };
}

/** The outcome of an attempt that was aborted, by what the abort was for. */
export function abortOutcome(reason: 'timeout' | 'cancelled', timeoutMs: number): Outcome {
  if (reason === 'cancelled') return { outcome: 'cancelled' };
  const message = `the attempt ran longer than its timeout of ${timeoutMs} ms`;
  return { outcome: 'failed', error: { code: 'attempt_timeout', message, retryable: true } };
}

/** The outcome of an attempt whose worker failed. */
export function failureOutcome(
  { aborted, request }: Attempt,
  event: HostEvent & { kind: 'failed' },
): Outcome {
  if (aborted) return abortOutcome(aborted.reason, request.timeoutMs);
  return { outcome: 'failed', error: event.error, ...(event.refused ? { refused: true } : {}) };
}

/** What the death of its process means for the attempt that caused it. */
export function deathOutcome({ aborted, request }: Attempt, error: TaskError): Outcome {
  return aborted ? abortOutcome(aborted.reason, request.timeoutMs) : { outcome: 'failed', error };
}

/** The outcome of an attempt whose worker succeeded. */
export function successOutcome(event: HostEvent & { kind: 'succeeded' }): Outcome {
  if ('file' in event) return { outcome: 'succeeded', file: event.file };
  return { outcome: 'succeeded', output: event.output };
}
