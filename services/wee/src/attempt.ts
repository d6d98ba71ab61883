import type { Json, TaskError } from '@tenma/protocol';
import type { Run } from '@tenma/worker/messages';

/** How an attempt ended. */
export type Outcome =
  | { outcome: 'succeeded'; output: Json }
  | { outcome: 'failed'; error: TaskError }
  | { outcome: 'cancelled' };

export interface AttemptRequest {
  readonly run: Omit<Run, 'run_id'>;
  readonly timeoutMs: number;
  readonly onProgress: (progress: Json) => void;
  /** It is handed to another process after the first has died. */
  readonly onRestart: () => void;
}

/** An attempt inside a process group. Mutable: the group moves it between processes and marks what it did to it. */
export interface Attempt {
  readonly runId: number;
  readonly request: AttemptRequest;
  /** It has been in a process before. */
  begun: boolean;
  /** When it was handed to the process it is in, on the monotonic clock; null while it waits for one. */
  startedAt: number | null;
  aborted: { reason: 'timeout' | 'cancelled'; at: number; received: boolean } | null;
  /** Its process was killed because of this attempt and no other. */
  culprit: boolean;
  readonly settle: (outcome: Outcome) => void;
}

/** The outcome of an attempt that was aborted, by what the abort was for. */
export function abortOutcome(reason: 'timeout' | 'cancelled', timeoutMs: number): Outcome {
  if (reason === 'cancelled') return { outcome: 'cancelled' };
  const message = `the attempt ran longer than its timeout of ${timeoutMs} ms`;
  return { outcome: 'failed', error: { code: 'attempt_timeout', message, retryable: true } };
}
