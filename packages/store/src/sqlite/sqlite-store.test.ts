import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { silentLog, systemClock } from '@tenma/runtime';
import { temporaryFolder, until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import { sampleTask } from '../contract/sample-task.ts';
import { shiftedClock } from '../contract/shifted-clock.ts';
import { storeContract } from '../store.contract.ts';
import { createSqliteStore } from './index.ts';

const components = { log: silentLog(), clock: systemClock() };

storeContract({
  name: 'SQLite',
  async create() {
    const folder = await temporaryFolder();
    const clock = shiftedClock();
    const store = await createSqliteStore(
      { ...components, clock },
      { path: join(folder.path, 'made', 'tenma.db') },
    );
    return {
      store,
      clock,
      async [Symbol.asyncDispose]() {
        await store[Symbol.asyncDispose]();
        await folder[Symbol.asyncDispose]();
      },
    };
  },
});

interface Owner extends AsyncDisposable {
  readonly child: ChildProcess;
  /** What it has said, line by line. */
  readonly lines: readonly string[];
}

/** A process that owns the store at `path` and writes to it until it is killed. */
function startOwner(path: string): Owner {
  const script = fileURLToPath(new URL('./owner.child.ts', import.meta.url));
  const child = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  return {
    child,
    lines,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'close');
    },
  };
}

describe('a SQLite file', () => {
  it('loses no acknowledged write when its owner is killed, and has a new owner at once', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'tenma.db');
    const owner = startOwner(path);
    await until(() => owner.lines.length > 2_000, { what: 'two thousand writes' });
    await owner[Symbol.asyncDispose]();
    await using store = await createSqliteStore(components, { path });
    const acknowledged = owner.lines.slice(1).filter((line) => line.length >= 36);
    const inserted = acknowledged.filter((line) => !line.startsWith('done '));
    const done = acknowledged.flatMap((line) => (line.startsWith('done ') ? [line.slice(5)] : []));
    expect(await store.controls(inserted)).toHaveLength(inserted.length);
    const states = (await store.controls(done)).map((task) => task.life.state);
    expect(states).toEqual(done.map(() => 'succeeded'));
  });

  it('has one owner: a second one is told so, in another process and in the same', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'tenma.db');
    await using owner = startOwner(path);
    await until(() => owner.lines.length > 0, { what: 'the owner to open the file' });
    await expect(createSqliteStore(components, { path })).rejects.toThrow(
      /tenma\.db: another process uses it/,
    );
    await owner[Symbol.asyncDispose]();
    await using _store = await createSqliteStore(components, { path });
    await expect(createSqliteStore(components, { path })).rejects.toThrow(/another process uses it/);
  });

  it('keeps everything over a close and a new opening', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'tenma.db');
    const task = sampleTask();
    {
      await using store = await createSqliteStore(components, { path });
      await store.insert([task]);
      await store.compareAndSet('generation', null, '7');
    }
    await using store = await createSqliteStore(components, { path });
    expect(await store.get(task.spec.id)).toEqual(task);
    expect(await store.read('generation')).toBe('7');
  });

  it('of the first schema is brought up to date with all that it holds', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'tenma.db');
    const task = sampleTask();
    {
      await using store = await createSqliteStore(components, { path });
      await store.insert([task]);
    }
    const database = new DatabaseSync(path);
    database.exec(`
      DROP TABLE documents; DROP TABLE documents_version; DROP TABLE observations; DROP TABLE observation_heads; DROP TABLE blob_parts;
      DROP INDEX tasks_observed; DROP INDEX tasks_due; DROP INDEX tasks_limited;
      ALTER TABLE tasks DROP COLUMN limit_key;
      CREATE INDEX tasks_due ON tasks (type, region, priority, due_at, id) WHERE due_at IS NOT NULL;
      DELETE FROM migrations WHERE version > 1`);
    database.close();
    await using store = await createSqliteStore(components, { path });
    expect(await store.get(task.spec.id)).toEqual(task);
    const document = { kind: 'region', id: 'eu-west-1', value: {} };
    const written = await store.writeDocuments([{ ...document, expected: 0 }]);
    expect(await store.documentsSince(0)).toEqual([{ ...document, ...written }]);
  });

  it('keeps versions growing over a close and a new opening', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'tenma.db');
    const versions: unknown[] = [];
    for (const value of [1, 2, null]) {
      await using store = await createSqliteStore(components, { path });
      versions.push(await store.writeDocuments([{ kind: 'region', id: 'a', expected: 'any', value }]));
    }
    expect(versions).toEqual([{ version: 1 }, { version: 2 }, { version: 3 }]);
  });

  it('that is no database, or of a newer Tenma, is refused with the reason', async () => {
    await using folder = await temporaryFolder();
    const text = join(folder.path, 'notes.txt');
    await writeFile(text, 'not a database, but long enough to look at. '.repeat(100));
    await expect(createSqliteStore(components, { path: text })).rejects.toThrow(
      /notes\.txt: file is not a database/,
    );
    const newer = join(folder.path, 'newer.db');
    const database = new DatabaseSync(newer);
    database.exec('CREATE TABLE migrations (version INTEGER); INSERT INTO migrations VALUES (99)');
    database.close();
    await expect(createSqliteStore(components, { path: newer })).rejects.toThrow(/written by a newer Tenma/);
    await expect(createSqliteStore(components, { path: folder.path })).rejects.toThrow(
      /cannot open the SQLite store/,
    );
  });
});
