import type { DatabaseSync } from 'node:sqlite';
import { blobColumns, type BlobRow } from '../blobs.ts';

/** The verbs of `Blobs`, in the thread that owns the database. */
export function blobsOf(database: DatabaseSync) {
  const columns = blobColumns.join(', ');
  const put = database.prepare(
    `INSERT INTO blob_parts (${columns}, part, data)
     VALUES (${blobColumns.map(() => '?').join(', ')}, ?, ?) ON CONFLICT DO NOTHING`,
  );
  const head = database.prepare(
    `SELECT ${columns}, (SELECT count(*) FROM blob_parts WHERE blob_id = ?1) AS kept
     FROM blob_parts WHERE blob_id = ?1 LIMIT 1`,
  );
  const part = database.prepare('SELECT data FROM blob_parts WHERE blob_id = ? AND part = ?');
  const forget = database.prepare(
    `DELETE FROM blob_parts WHERE rowid IN (
       SELECT rowid FROM blob_parts WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`,
  );
  return {
    putBlobPart(row: BlobRow, number: number, data: Uint8Array): void {
      put.run(...blobColumns.map((column) => row[column]), number, data);
    },
    blob: (id: string) => (head.get(id) as unknown as (BlobRow & { kept: number }) | undefined) ?? null,
    blobPart: (id: string, number: number) =>
      (part.get(id, number)?.['data'] as Uint8Array | undefined) ?? null,
    forgetBlobParts: (expiredBy: number, limit: number) => Number(forget.run(expiredBy, limit).changes),
  };
}
