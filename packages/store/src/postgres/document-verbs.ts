import { type Clock, createBatcher } from '@tenma/runtime';
import {
  type DocumentColumns,
  documentColumns,
  documentOf,
  type DocumentRow,
  tracesKeptMs,
} from '../document-row.ts';
import type { Documents, DocumentsWritten } from '../documents.ts';
import type { Store } from '../store.ts';
import { arraySql, arrayValue } from './columns.ts';
import type { Database, Statement } from './database.ts';

function documentStatements(schema: string): Record<'write' | 'since', Statement> {
  return {
    write: {
      name: 'writeDocuments',
      text: `SELECT written_version AS version, conflict_kind AS kind, conflict_id AS id
        FROM ${schema}.write_documents(${arraySql('text', '$1')}, ${arraySql('text', '$2')},
          ${arraySql('bigint', '$3')}, ${arraySql('document', '$4')}, $5, $6)`,
    },
    since: {
      name: 'documentsSince',
      text: `SELECT kind, id, version, value FROM ${schema}.documents
        WHERE version > $1 AND (value IS NOT NULL OR $1 > 0) ORDER BY version`,
    },
  };
}

/** `idle` resolves when no write is under way. */
export function documentVerbs(
  { database, clock }: { database: Database; clock: Clock },
  schema: string,
): Pick<Store, keyof Documents> & { idle(): Promise<void> } {
  const statements = documentStatements(schema);

  async function write({ kind, id, expected, value }: DocumentColumns): Promise<DocumentsWritten> {
    const now = clock.now();
    const [outcome] = await database.rows<{ version: number | null; kind: string; id: string }>(
      statements.write,
      [
        arrayValue('text', kind),
        arrayValue('text', id),
        arrayValue('bigint', expected),
        arrayValue('document', value),
        now,
        now - tracesKeptMs,
      ],
    );
    if (!outcome) throw new Error('write_documents did not answer');
    if (outcome.version === null) return { conflict: { kind: outcome.kind, id: outcome.id } };
    return { version: outcome.version };
  }

  // One at a time: those that wait for the counter's lock would each hold a connection that others need.
  const writes = createBatcher<DocumentColumns, DocumentsWritten>({
    maxItems: 1,
    flush: (one) => Promise.all(one.map(write)),
  });
  return {
    writeDocuments: async (documents) => writes.add(documentColumns(documents)),
    async documentsSince(version) {
      return (await database.rows<DocumentRow & Record<string, unknown>>(statements.since, [version])).map(
        documentOf,
      );
    },
    idle: () => writes.idle(),
  };
}
