import type { Json, TaskError, TaskType } from '@tenma/protocol';

/** What a WEE and a worker process tell each other over their IPC channel; messages made in one turn travel as one. */
export interface Run {
  /** Unique within the process; names the attempt in what follows. */
  run_id: number;
  type: string;
  input: Json;
  task_id: string;
  attempt: number;
  idempotency_key: string;
  region: string;
}

export type ToHost =
  | { kind: 'run'; runs: Run[] }
  | { kind: 'abort'; run_id: number; reason: 'timeout' | 'cancelled' };

export type HostEvent =
  | { kind: 'progress'; run_id: number; progress: Json }
  /** Sent at once for every abort: proof that the event loop still turns. */
  | { kind: 'abort_received'; run_id: number }
  | { kind: 'succeeded'; run_id: number; output: Json }
  | { kind: 'failed'; run_id: number; error: TaskError };

export type FromHost =
  | { kind: 'ready'; types: TaskType[] }
  | { kind: 'load_failed'; error: TaskError }
  | { kind: 'events'; events: HostEvent[] };
