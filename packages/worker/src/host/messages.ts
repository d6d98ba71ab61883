import type { ContentEncoding, Json, TaskError, TaskType } from '@tenma/protocol';

export { lineCharacters, readMessages } from './pipes.ts';
export { type SpawnedHost, spawnHost } from './spawn-host.ts';

/** What a WEE and a worker process tell each other over their pipes; messages made in one turn travel as one. */
export interface Run {
  /** Unique within the process; names the attempt in what follows. */
  run_id: number;
  type: string;
  version: string;
  input: Json;
  task_id: string;
  attempt: number;
  idempotency_key: string;
  region: string;
}

/**
 * An output that is too large for a message, as a file that the WEE takes over and removes. It lies directly in the
 * folder for outputs, and its name begins with {@link outputPrefix}.
 */
export interface OutputFile {
  path: string;
  /** Of the JSON text. */
  bytes: number;
  /** Of the file. */
  stored_bytes: number;
  content_encoding: ContentEncoding;
  /** Of the JSON text, hexadecimal. */
  sha256: string;
}

/** How the names of all files of one process or thread begin, so that they can be removed when it is gone. */
export function outputPrefix(pid: number, threadId: number): string {
  return `${pid}-${threadId}-`;
}

/** A package that did not load. `stack`: as Node prints the error, for whoever wrote the package. */
export interface LoadFault {
  readonly specifier: string;
  readonly error: TaskError;
  readonly stack: string;
}

/** One version of a worker, and where it was loaded from. */
export interface WorkerVersion {
  readonly specifier: string;
  /** As it is announced; with its version. */
  readonly type: TaskType;
}

export type ToHost =
  /** Packages besides those it was started with; answered by `loaded`. */
  | { kind: 'load'; specifiers: string[] }
  | { kind: 'run'; runs: Run[] }
  | { kind: 'abort'; run_id: number; reason: 'timeout' | 'cancelled' }
  /** How many slots an attempt with this input takes; for workers whose cost is a function. */
  | { kind: 'estimate'; ask_id: number; type: string; version: string; input: Json }
  /** Whether two outputs for one input mean the same, by the `shadow` of the worker. */
  | { kind: 'compare'; ask_id: number; type: string; version: string; before: Json; after: Json };

export type HostEvent =
  | { kind: 'progress'; run_id: number; progress: Json }
  /** Sent at once for every abort: proof that the event loop still turns. */
  | { kind: 'abort_received'; run_id: number }
  | { kind: 'succeeded'; run_id: number; output: Json }
  | { kind: 'succeeded'; run_id: number; file: OutputFile }
  /** `refused`: the input does not fit the schema; nothing of the worker has run. */
  | { kind: 'failed'; run_id: number; error: TaskError; refused?: true };

export type FromHost =
  /** Once after the start and once for each `load`: what came of each package. One that does not load harms no other. */
  | { kind: 'loaded'; workers: WorkerVersion[]; faults: LoadFault[] }
  | { kind: 'events'; events: HostEvent[] }
  /** `error`: it threw, or there is no such worker. */
  | { kind: 'answer'; ask_id: number; value: number | boolean }
  | { kind: 'answer'; ask_id: number; error: string };
