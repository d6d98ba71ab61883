import type { Json } from '@tenma/protocol';
import type { Document, DocumentWrite } from './documents.ts';

/** How long a deleted document is told of. */
export const tracesKeptMs = 3_600_000;

/** Column by column, as tasks travel. */
export interface DocumentColumns {
  readonly kind: string[];
  readonly id: string[];
  /** Null: whatever stands there. */
  readonly expected: (number | null)[];
  /** JSON text; null deletes. */
  readonly value: (string | null)[];
}

export interface DocumentRow {
  readonly kind: string;
  readonly id: string;
  readonly version: number;
  readonly value: string | null;
}

/** @throws RangeError when a document is written twice */
export function documentColumns(writes: readonly DocumentWrite[]): DocumentColumns {
  const columns: DocumentColumns = { kind: [], id: [], expected: [], value: [] };
  const seen = new Set<string>();
  for (const { kind, id, expected, value } of writes) {
    if (seen.size === seen.add(JSON.stringify([kind, id])).size) {
      throw new RangeError(`the document ${kind} ${id} is written twice in one call`);
    }
    columns.kind.push(kind);
    columns.id.push(id);
    columns.expected.push(expected === 'any' ? null : expected);
    columns.value.push(value === null ? null : JSON.stringify(value));
  }
  return columns;
}

export function documentOf({ kind, id, version, value }: DocumentRow): Document {
  return { kind, id, version, value: value === null ? null : (JSON.parse(value) as Json) };
}
