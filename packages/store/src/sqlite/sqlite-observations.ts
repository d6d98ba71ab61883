import type { DatabaseSync } from 'node:sqlite';
import type { ObservationColumns, StoredObservation } from '../observation-row.ts';

/** The verbs of `Observations`, in the thread that owns the database. */
export function observationsOf(database: DatabaseSync) {
  const advance = database.prepare(
    `INSERT INTO observation_heads (target, position) VALUES (?, 1)
     ON CONFLICT DO UPDATE SET position = position + 1 RETURNING position`,
  );
  const write = database.prepare(
    `INSERT INTO observations (target, slot, position, at, value) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET position = excluded.position, at = excluded.at, value = excluded.value`,
  );
  const newest = database.prepare(
    'SELECT target, at, value FROM observations WHERE target = ? ORDER BY at DESC, position DESC LIMIT ?',
  );
  const forget = database.prepare('DELETE FROM observations WHERE target = ?');
  const forgetHead = database.prepare('DELETE FROM observation_heads WHERE target = ?');
  return {
    /** Each target has a ring of `kept` slots. */
    recordObservations({ target, at, value }: ObservationColumns, kept: number): void {
      for (const [n, name] of target.entries()) {
        const position = Number(advance.get(name)?.['position']);
        write.run(name, position % kept, position, at[n] ?? null, value[n] ?? null);
      }
    },
    observations: (target: string, limit: number) =>
      newest.all(target, limit) as unknown as StoredObservation[],
    forgetObservations(targets: readonly string[]): void {
      for (const target of targets) {
        forget.run(target);
        forgetHead.run(target);
      }
    },
  };
}
