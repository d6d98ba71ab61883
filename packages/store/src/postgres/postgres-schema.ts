import type { Client } from 'pg';

/**
 * A write of documents is a function because it takes three statements under one lock: a connection that is lost, or a
 * process that stops, between them would hold up everybody. Observations are overwritten where they lie, again and
 * again, which is cheap while the new version fits on the page: half of it is left free.
 */
const documentsAndObservations = (schema: string) => `
  CREATE TABLE ${schema}.documents (
    kind text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    value text,
    written_at bigint NOT NULL,
    PRIMARY KEY (kind, id)
  );
  CREATE INDEX documents_since ON ${schema}.documents (version);
  CREATE INDEX documents_traces ON ${schema}.documents (written_at) WHERE value IS NULL;
  CREATE TABLE ${schema}.documents_version (version bigint NOT NULL);
  INSERT INTO ${schema}.documents_version VALUES (0);

  -- Expected: null for whatever stands there, 0 for nothing. A null among the contents deletes. Traces of deletions
  -- before traces_since go, whenever something else is deleted.
  CREATE FUNCTION ${schema}.write_documents(
    kinds text[], ids text[], expected bigint[], contents text[], now_at bigint, traces_since bigint,
    OUT written_version bigint, OUT conflict_kind text, OUT conflict_id text
  ) LANGUAGE plpgsql AS $body$
  BEGIN
    -- Whoever writes holds this until the commit, so that versions appear in their order.
    SELECT v.version INTO STRICT written_version FROM ${schema}.documents_version AS v FOR UPDATE;
    IF cardinality(kinds) = 0 THEN RETURN; END IF;
    -- A statement of its own: only one that begins under the lock sees what the writer before has left.
    SELECT w.kind, w.id INTO conflict_kind, conflict_id
      FROM unnest(kinds, ids, expected) WITH ORDINALITY AS w (kind, id, expected, n)
      LEFT JOIN ${schema}.documents AS d ON d.kind = w.kind AND d.id = w.id AND d.value IS NOT NULL
      WHERE w.expected <> coalesce(d.version, 0) ORDER BY w.n LIMIT 1;
    IF FOUND THEN
      written_version := NULL;
      RETURN;
    END IF;
    UPDATE ${schema}.documents_version AS v SET version = v.version + 1 RETURNING v.version INTO written_version;
    INSERT INTO ${schema}.documents AS d (kind, id, version, value, written_at)
      SELECT w.kind, w.id, written_version, w.content, now_at FROM unnest(kinds, ids, contents) AS w (kind, id, content)
      ON CONFLICT ON CONSTRAINT documents_pkey
      DO UPDATE SET version = excluded.version, value = excluded.value, written_at = excluded.written_at;
    -- Contents that are all null arrive as none.
    IF cardinality(contents) < cardinality(kinds) OR array_position(contents, NULL) IS NOT NULL THEN
      DELETE FROM ${schema}.documents AS d WHERE d.value IS NULL AND d.written_at < traces_since;
    END IF;
  END $body$;

  CREATE TABLE ${schema}.observations (
    target text COLLATE "C" NOT NULL,
    slot integer NOT NULL,
    position bigint NOT NULL,
    at bigint NOT NULL,
    value text NOT NULL,
    PRIMARY KEY (target, slot)
  ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
  CREATE TABLE ${schema}.observation_heads (
    target text COLLATE "C" NOT NULL PRIMARY KEY,
    position bigint NOT NULL
  ) WITH (fillfactor = 50);

  CREATE INDEX tasks_observed ON ${schema}.tasks (created_at) WHERE principal = 'observe';
`;

/** The column has a constant default, so the table is not rewritten. */
const limitKeys = (schema: string) => `
  ALTER TABLE ${schema}.tasks ADD COLUMN limit_key text COLLATE "C" NOT NULL DEFAULT '';
  DROP INDEX ${schema}.tasks_due;
  CREATE INDEX tasks_due ON ${schema}.tasks (type, region, limit_key, priority, due_at, id) WHERE due_at IS NOT NULL;
  CREATE INDEX tasks_limited ON ${schema}.tasks (limit_key, type) WHERE limit_key <> '' AND dispatch_no > 0
    AND state NOT IN ('succeeded', 'failed', 'cancelled', 'expired');
`;

/** The bytes of a part are packed already: the server does not try once more. */
const blobParts = (schema: string) => `
  CREATE TABLE ${schema}.blob_parts (
    blob_id uuid NOT NULL,
    part integer NOT NULL,
    parts integer NOT NULL,
    task_id uuid NOT NULL,
    content_type text NOT NULL,
    content_encoding text NOT NULL,
    bytes bigint NOT NULL,
    sha256 text NOT NULL,
    expires_at bigint NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (blob_id, part)
  );
  ALTER TABLE ${schema}.blob_parts ALTER data SET STORAGE EXTERNAL;
  CREATE INDEX blob_parts_expiry ON ${schema}.blob_parts (expires_at);
`;

/**
 * Numbered from 1; a migration is never changed once released, a new one is added. Times are Unix milliseconds.
 *
 * Every index costs each task a write, so there are few, and most hold a task only for a part of its life:
 * `tasks_due` while it has to be dispatched, `tasks_clock` and `tasks_state` until it has ended, `tasks_held` while it
 * runs, `tasks_unannounced` between its end and its announcement. `tasks_observed` is for forgetting probes only,
 * `tasks_limited` for tasks with a limit of their own, while they are out. Nearly every update changes an indexed column, so room
 * for heap-only updates would be wasted; what is dead goes early instead (autovacuum), or the dispatcher would wade
 * through it.
 */
const migrations: readonly ((schema: string) => string)[] = [
  (schema) => `
  CREATE TABLE ${schema}.tasks (
    id uuid NOT NULL PRIMARY KEY,
    created_at bigint NOT NULL,
    due_at bigint,
    clock_at bigint,
    revision integer NOT NULL,
    dispatch_no integer NOT NULL,
    priority smallint NOT NULL,
    announced boolean NOT NULL,
    type text COLLATE "C" NOT NULL,
    region text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    principal text COLLATE "C" NOT NULL,
    idempotency_key text COLLATE "C",
    held_by text COLLATE "C",
    labels text,
    spec text NOT NULL,
    life text NOT NULL,
    input text NOT NULL,
    output text
  ) WITH (
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_analyze_scale_factor = 0.1
  );
  -- Rows of more than 2 KB are compressed; lz4 takes half the time of the default, where the server was built with it.
  DO $$ BEGIN
    EXECUTE 'ALTER TABLE ${schema}.tasks ALTER spec SET COMPRESSION lz4, ALTER life SET COMPRESSION lz4,
      ALTER input SET COMPRESSION lz4, ALTER output SET COMPRESSION lz4';
  EXCEPTION WHEN feature_not_supported OR syntax_error THEN NULL;
  END $$;
  CREATE UNIQUE INDEX tasks_key ON ${schema}.tasks (principal, idempotency_key) WHERE idempotency_key IS NOT NULL;
  CREATE INDEX tasks_due ON ${schema}.tasks (type, region, priority, due_at, id) WHERE due_at IS NOT NULL;
  CREATE INDEX tasks_clock ON ${schema}.tasks (clock_at) WHERE clock_at IS NOT NULL;
  CREATE INDEX tasks_state ON ${schema}.tasks (state, id) WHERE state <> 'succeeded';
  CREATE INDEX tasks_held ON ${schema}.tasks (held_by, id) WHERE held_by IS NOT NULL;
  CREATE INDEX tasks_unannounced ON ${schema}.tasks (id)
    WHERE NOT announced AND state IN ('succeeded', 'failed', 'cancelled', 'expired');
  CREATE TABLE ${schema}.task_types (type text COLLATE "C" NOT NULL PRIMARY KEY, document text NOT NULL);
  CREATE TABLE ${schema}.named_values (name text COLLATE "C" NOT NULL PRIMARY KEY, value text NOT NULL);
  `,
  documentsAndObservations,
  limitKeys,
  blobParts,
];

/** How long a migration may take, and the wait for another process that makes it: an index of a large table takes long. */
const migrationTimeoutMs = 3_600_000;

/** What the client allows a statement of a migration; what the server allows is said in the transaction. */
function unhurried(text: string): { text: string; query_timeout: number } {
  return { text, query_timeout: migrationTimeoutMs };
}

/**
 * Brings the schema up to date in one transaction, one process at a time, however long that takes.
 * @param schema as an identifier: checked or quoted
 * @throws Error when a newer Tenma made it
 */
export async function migrate(client: Client, schema: string): Promise<void> {
  await client.query('BEGIN');
  await client.query('SET LOCAL statement_timeout = 0');
  await client.query(unhurried('SELECT pg_advisory_xact_lock(hashtext($1))'), [
    `tenma migrations of ${schema}`,
  ]);
  // Asked first: IF NOT EXISTS still demands the right to create, which production may not grant.
  const found = await client.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]);
  if (found.rowCount === 0) await client.query(`CREATE SCHEMA ${schema}`);
  const versions = `${schema}.migrations`;
  const table = await client.query<{ found: string | null }>('SELECT to_regclass($1)::text AS found', [
    versions,
  ]);
  if (table.rows[0]?.found === null) {
    await client.query(
      `CREATE TABLE ${versions} (version integer NOT NULL PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`,
    );
  }
  const latest = await client.query<{ version: number }>(
    `SELECT coalesce(max(version), 0) AS version FROM ${versions}`,
  );
  const current = latest.rows[0]?.version ?? 0;
  if (current > migrations.length) {
    throw new Error(
      `the schema ${schema} is of a newer Tenma (version ${current}; this one knows ${migrations.length})`,
    );
  }
  for (const [index, sql] of migrations.entries()) {
    if (index < current) continue;
    await client.query(unhurried(sql(schema)));
    await client.query(`INSERT INTO ${versions} (version) VALUES ($1)`, [index + 1]);
  }
  await client.query('COMMIT');
}
