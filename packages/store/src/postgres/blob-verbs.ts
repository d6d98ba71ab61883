import { blobColumns, blobOf, type BlobRow, blobRow, type Blobs } from '../blobs.ts';
import type { Store } from '../store.ts';
import type { Database, Statement } from './database.ts';

function blobStatements(schema: string): Record<'put' | 'head' | 'part' | 'forget', Statement> {
  const table = `${schema}.blob_parts`;
  const columns = blobColumns.join(', ');
  const values = blobColumns.map((_, n) => `$${n + 3}`).join(', ');
  return {
    put: {
      name: 'putBlobPart',
      text: `INSERT INTO ${table} (part, data, ${columns}) VALUES ($1, $2, ${values}) ON CONFLICT DO NOTHING`,
    },
    head: {
      name: 'blob',
      text: `SELECT ${columns}, (SELECT count(*) FROM ${table} WHERE blob_id = $1) AS kept
        FROM ${table} WHERE blob_id = $1 LIMIT 1`,
    },
    part: { name: 'blobPart', text: `SELECT data FROM ${table} WHERE blob_id = $1 AND part = $2` },
    forget: {
      name: 'forgetBlobParts',
      text: `WITH old AS MATERIALIZED (
          SELECT blob_id, part FROM ${table} WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
        ), gone AS (
          DELETE FROM ${table} AS p USING old WHERE p.blob_id = old.blob_id AND p.part = old.part RETURNING 1
        )
        SELECT count(*) AS forgotten FROM gone`,
    },
  };
}

export function blobVerbs(database: Database, schema: string): Pick<Store, keyof Blobs> {
  const statements = blobStatements(schema);
  return {
    async putBlobPart(blob, part, data) {
      const row = blobRow(blob);
      await database.rows(statements.put, [part, data, ...blobColumns.map((column) => row[column])]);
    },
    async blob(id) {
      type Head = BlobRow & { kept: number } & Record<string, unknown>;
      const [head] = await database.rows<Head>(statements.head, [id]);
      return head ? blobOf(head) : null;
    },
    async blobPart(id, part) {
      const [found] = await database.rows<{ data: Buffer }>(statements.part, [id, part]);
      return found?.data ?? null;
    },
    async forgetBlobParts({ expiredBy, limit }) {
      const [gone] = await database.rows<{ forgotten: number }>(statements.forget, [expiredBy, limit]);
      return gone?.forgotten ?? 0;
    },
  };
}
