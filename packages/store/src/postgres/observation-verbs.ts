import { createBatcher } from '@tenma/runtime';
import { type Observations, observationsKept } from '../documents.ts';
import {
  type ObservationColumns,
  observationColumns,
  observationOf,
  type StoredObservation,
} from '../observation-row.ts';
import type { Store } from '../store.ts';
import { arraySql, arrayValue } from './columns.ts';
import type { Database, Statement } from './database.ts';

function observationStatements(schema: string): Record<'record' | 'newest' | 'forget', Statement> {
  const heads = `${schema}.observation_heads`;
  const rings = `${schema}.observations`;
  const target = arraySql('text', '$1');
  const nth = arraySql('bigint', '$2');
  const at = arraySql('bigint', '$3');
  const value = arraySql('document', '$4');
  return {
    record: {
      name: 'recordObservations',
      // The statement sees the heads as they were before it moves them.
      text: `WITH moved AS (
          INSERT INTO ${heads} AS h SELECT target, count(*) FROM unnest(${target}) AS r (target) GROUP BY target ORDER BY target
          ON CONFLICT (target) DO UPDATE SET position = h.position + excluded.position
        )
        INSERT INTO ${rings} (target, slot, position, at, value)
        SELECT r.target, (coalesce(h.position, 0) + r.nth) % ${observationsKept}, coalesce(h.position, 0) + r.nth, r.at, r.value
        FROM unnest(${target}, ${nth}, ${at}, ${value}) AS r (target, nth, at, value)
        LEFT JOIN ${heads} AS h ON h.target = r.target
        ON CONFLICT (target, slot) DO UPDATE SET position = excluded.position, at = excluded.at, value = excluded.value`,
    },
    newest: {
      name: 'observations',
      text: `SELECT target, at, value FROM ${rings} WHERE target = $1 ORDER BY at DESC, position DESC LIMIT $2`,
    },
    forget: {
      name: 'forgetObservations',
      text: `WITH gone AS (DELETE FROM ${heads} WHERE target = ANY (${target}))
        DELETE FROM ${rings} WHERE target = ANY (${target})`,
    },
  };
}

/** `idle` resolves when no write is under way. */
export function observationVerbs(
  database: Database,
  schema: string,
): Pick<Store, keyof Observations> & { idle(): Promise<void> } {
  const statements = observationStatements(schema);

  async function write(columns: ObservationColumns): Promise<void> {
    await database.rows(statements.record, [
      arrayValue('text', columns.target),
      arrayValue('bigint', columns.nth),
      arrayValue('bigint', columns.at),
      arrayValue('document', columns.value),
    ]);
  }

  // One at a time: two that read the same heads would fill the same slots.
  const writes = createBatcher<() => Promise<void>, void>({
    maxItems: 1,
    flush: (one) => Promise.all(one.map((each) => each())),
  });
  return {
    async recordObservations(rows) {
      if (rows.length > 0) await writes.add(() => write(observationColumns(rows)));
    },
    async observations(target, limit) {
      const rows = await database.rows<StoredObservation & Record<string, unknown>>(statements.newest, [
        target,
        limit,
      ]);
      return rows.map(observationOf);
    },
    async forgetObservations(targets) {
      if (targets.length === 0) return;
      await writes.add(async () => void (await database.rows(statements.forget, [targets])));
    },
    idle: () => writes.idle(),
  };
}
