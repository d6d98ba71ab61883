import type { StateSets } from '../state-sets.ts';
import type { SqliteOperations } from './sqlite-operations.ts';

/** What the thread is started with. */
export interface ThreadOptions {
  readonly path: string;
  readonly states: StateSets;
}

export type Verb = keyof SqliteOperations;

export interface SqliteCall {
  readonly verb: Verb;
  readonly args: readonly unknown[];
}

/** To the thread: calls to be executed in order and committed together, or the wish to close the file. */
export type ToThread = { readonly calls: readonly SqliteCall[] } | 'close';

export type SqliteResult =
  | { readonly value: unknown }
  /** `unavailable`: the database refused (disk full, I/O error, …), as opposed to a fault in the call. */
  | { readonly error: string; readonly unavailable: boolean };

/** From the thread: first how the opening went, then one answer for each message with calls, in order. */
export type FromThread =
  | { readonly opened: true }
  | { readonly failed: string }
  | { readonly results: readonly SqliteResult[] };
