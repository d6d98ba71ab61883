import type { DatabaseSync } from 'node:sqlite';
import type { DocumentColumns, DocumentRow } from '../document-row.ts';
import type { DocumentsWritten } from '../documents.ts';

/** The verbs of `Documents`, in the thread that owns the database. */
export function documentsOf(database: DatabaseSync) {
  const latest = database.prepare('SELECT version FROM documents_version');
  const advance = database.prepare('UPDATE documents_version SET version = version + 1');
  const standing = database.prepare(
    'SELECT version FROM documents WHERE kind = ? AND id = ? AND value IS NOT NULL',
  );
  const write = database.prepare(
    `INSERT INTO documents (kind, id, version, value, written_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET version = excluded.version, value = excluded.value, written_at = excluded.written_at`,
  );
  const forgetTraces = database.prepare('DELETE FROM documents WHERE value IS NULL AND written_at < ?');
  const since = database.prepare(
    `SELECT kind, id, version, value FROM documents
     WHERE version > ?1 AND (value IS NOT NULL OR ?1 > 0) ORDER BY version`,
  );
  const latestVersion = () => Number(latest.get()?.['version']);
  return {
    /** Traces of deletions before `tracesSince` go, whenever something else is deleted. */
    writeDocuments(
      { kind, id, expected, value }: DocumentColumns,
      { now, tracesSince }: { now: number; tracesSince: number },
    ): DocumentsWritten {
      for (const [n, wanted] of expected.entries()) {
        if (wanted === null) continue;
        const [hasKind, hasId] = [kind[n] ?? '', id[n] ?? ''];
        const version = Number(standing.get(hasKind, hasId)?.['version'] ?? 0);
        if (version !== wanted) return { conflict: { kind: hasKind, id: hasId } };
      }
      if (kind.length > 0) advance.run();
      const version = latestVersion();
      for (const [n, text] of value.entries()) write.run(kind[n] ?? '', id[n] ?? '', version, text, now);
      if (value.includes(null)) forgetTraces.run(tracesSince);
      return { version };
    },
    documentsSince: (version: number) => since.all(version) as unknown as DocumentRow[],
  };
}
