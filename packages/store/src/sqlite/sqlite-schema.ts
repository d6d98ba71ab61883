import type { DatabaseSync } from 'node:sqlite';

/**
 * Numbered from 1; a migration is never changed once released, a new one is added. Times are Unix milliseconds.
 *
 * Every index costs each task a write, so there are few, and most hold a task only for a part of its life:
 * `tasks_due` while it has to be dispatched, `tasks_clock` and `tasks_state` until it has ended, `tasks_held` while it
 * runs, `tasks_unannounced` between its end and its announcement. `tasks_observed` is for forgetting probes only,
 * `tasks_limited` for tasks with a limit of their own, while they are out.
 */
const migrations: readonly string[] = [
  `
  CREATE TABLE tasks (
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    region TEXT NOT NULL,
    priority INTEGER NOT NULL,
    principal TEXT NOT NULL,
    idempotency_key TEXT,
    created_at INTEGER NOT NULL,
    labels TEXT,
    state TEXT NOT NULL,
    revision INTEGER NOT NULL,
    due_at INTEGER,
    clock_at INTEGER,
    dispatch_no INTEGER NOT NULL,
    held_by TEXT,
    announced INTEGER NOT NULL,
    spec TEXT NOT NULL,
    life TEXT NOT NULL,
    input TEXT NOT NULL,
    output TEXT
  ) STRICT;
  CREATE UNIQUE INDEX tasks_key ON tasks (principal, idempotency_key) WHERE idempotency_key IS NOT NULL;
  CREATE INDEX tasks_due ON tasks (type, region, priority, due_at, id) WHERE due_at IS NOT NULL;
  CREATE INDEX tasks_clock ON tasks (clock_at) WHERE clock_at IS NOT NULL;
  CREATE INDEX tasks_state ON tasks (state, id) WHERE state <> 'succeeded';
  CREATE INDEX tasks_held ON tasks (held_by, id) WHERE held_by IS NOT NULL;
  CREATE INDEX tasks_unannounced ON tasks (id)
    WHERE announced = 0 AND state IN ('succeeded', 'failed', 'cancelled', 'expired');
  CREATE TABLE task_types (type TEXT NOT NULL PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE named_values (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
  // The rings of observations have rowids so that what is recorded together lies together, round after round.
  `
  CREATE TABLE documents (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    value TEXT,
    written_at INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
  ) STRICT;
  CREATE INDEX documents_since ON documents (version);
  CREATE INDEX documents_traces ON documents (written_at) WHERE value IS NULL;
  CREATE TABLE documents_version (version INTEGER NOT NULL) STRICT;
  INSERT INTO documents_version VALUES (0);
  CREATE TABLE observations (
    target TEXT NOT NULL,
    slot INTEGER NOT NULL,
    position INTEGER NOT NULL,
    at INTEGER NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (target, slot)
  ) STRICT;
  CREATE TABLE observation_heads (target TEXT NOT NULL PRIMARY KEY, position INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX tasks_observed ON tasks (created_at) WHERE principal = 'observe';
  `,
  `
  ALTER TABLE tasks ADD COLUMN limit_key TEXT NOT NULL DEFAULT '';
  DROP INDEX tasks_due;
  CREATE INDEX tasks_due ON tasks (type, region, limit_key, priority, due_at, id) WHERE due_at IS NOT NULL;
  CREATE INDEX tasks_limited ON tasks (limit_key, type) WHERE limit_key <> '' AND dispatch_no > 0
    AND state NOT IN ('succeeded', 'failed', 'cancelled', 'expired');
  `,
  // Each part has the whole row of its blob before its bytes, where it is read without them.
  `
  CREATE TABLE blob_parts (
    blob_id TEXT NOT NULL,
    part INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    task_id TEXT NOT NULL,
    content_type TEXT NOT NULL,
    content_encoding TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    data BLOB NOT NULL,
    UNIQUE (blob_id, part)
  ) STRICT;
  CREATE INDEX blob_parts_expiry ON blob_parts (expires_at);
  `,
];

/** Brings the file up to date, each migration in a transaction of its own. @throws when a newer Tenma made it */
export function migrate(database: DatabaseSync): void {
  database.exec('CREATE TABLE IF NOT EXISTS migrations (version INTEGER NOT NULL PRIMARY KEY) STRICT');
  const row = database.prepare('SELECT coalesce(max(version), 0) AS version FROM migrations').get();
  const current = Number(row?.['version']);
  if (current > migrations.length) {
    throw new Error(
      `it was written by a newer Tenma (schema ${current}; this one knows ${migrations.length})`,
    );
  }
  for (const [index, sql] of migrations.entries()) {
    if (index < current) continue;
    database.exec(`BEGIN IMMEDIATE; ${sql}; INSERT INTO migrations VALUES (${index + 1}); COMMIT`);
  }
}
