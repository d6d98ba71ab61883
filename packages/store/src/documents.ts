import type { Json } from '@tenma/protocol';

/** Something small that is written down whole: a region, a node, a schedule. `kind` and `id` name it. */
export interface Document {
  readonly kind: string;
  readonly id: string;
  /** Of the write that made it so; grows from write to write over all documents. */
  readonly version: number;
  /** Null: it was deleted by that write. */
  readonly value: Json | null;
}

export interface DocumentWrite {
  readonly kind: string;
  readonly id: string;
  /** The version that must stand there; 0: none may (a deleted one counts as none); `any`: whatever stands there. */
  readonly expected: number | 'any';
  /** Null deletes. */
  readonly value: Json | null;
}

/** `version` of a write that went through; `conflict`: nothing was written, since this one was not as expected. */
export type DocumentsWritten = { version: number } | { conflict: { kind: string; id: string } };

export interface Documents {
  /** All or nothing, in one transaction. Concurrent writes take turns, so that versions appear in their order. */
  writeDocuments(writes: readonly DocumentWrite[]): Promise<DocumentsWritten>;
  /**
   * All documents written after `version`, deleted ones among them; ascending by version. 0 gives what there is. The
   * trace of a deletion is kept for an hour: who has not looked for longer begins again at 0.
   */
  documentsSince(version: number): Promise<Document[]>;
}

export interface ObservationRow {
  readonly target: string;
  /** Unix milliseconds. */
  readonly at: number;
  readonly value: Json;
}

/** How many results of a target are kept. */
export const observationsKept = 100;

export interface Observations {
  /** Of each target the last {@link observationsKept} stay. Only one process records at a time. */
  recordObservations(rows: readonly ObservationRow[]): Promise<void>;
  /** Newest first. */
  observations(target: string, limit: number): Promise<ObservationRow[]>;
  forgetObservations(targets: readonly string[]): Promise<void>;
}
