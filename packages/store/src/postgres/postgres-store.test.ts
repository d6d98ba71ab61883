import { randomBytes } from 'node:crypto';
import { type Clock, silentLog, systemClock } from '@tenma/runtime';
import { freePort, until } from '@tenma/test-support';
import { canStartPostgres, sharedPostgres, startPostgres } from '@tenma/test-support/postgres';
import pg from 'pg';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { change, ids, newId, noon, sampleTask, sampleTasks } from '../contract/sample-task.ts';
import { shiftedClock } from '../contract/shifted-clock.ts';
import { storeContract } from '../store.contract.ts';
import { type Store, StoreUnavailableError } from '../store.ts';
import { createPostgresStore } from './index.ts';

const components = { log: silentLog(), clock: systemClock() };
const server = await sharedPostgres();
const url = server?.url ?? '';
const schema = `test_${randomBytes(6).toString('hex')}`;

async function connected(store: Store): Promise<Store> {
  await until(() => store.status === 'connected', { what: 'the store to connect', everyMs: 5 });
  return store;
}

async function asAdministrator(sql: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  await client.query(sql);
  await client.end();
}

/** Takes a schema back to what the first version had made. */
const toFirstVersion = (name: string) =>
  asAdministrator(`SET search_path = ${name};
    DROP FUNCTION write_documents; DROP TABLE documents, documents_version, observations, observation_heads, blob_parts;
    DROP INDEX tasks_observed; ALTER TABLE tasks DROP COLUMN limit_key;
    CREATE INDEX tasks_due ON tasks (type, region, priority, due_at, id) WHERE due_at IS NOT NULL;
    DELETE FROM migrations WHERE version > 1`);

const openStore = (name = schema, clock: Clock = components.clock) =>
  connected(createPostgresStore({ ...components, clock }, { url, schema: name, poolSize: 5 }));

/** A schema of the first version that somebody uses in a way that no migration gets past. */
async function holdMigration(name: string) {
  await (await openStore(name))[Symbol.asyncDispose]();
  await toFirstVersion(name);
  const locker = new pg.Client(url);
  // Another one, because a transaction sees the activity of others as it was when it first looked.
  const watcher = new pg.Client(url);
  await Promise.all([locker.connect(), watcher.connect()]);
  await locker.query(`BEGIN; LOCK TABLE ${name}.tasks`);
  const locking = await locker.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const letGo = () => locker.query('ROLLBACK');
  return {
    letGo,
    /** How many statements wait for the lock, or for one that does, for longer than so many ms. */
    async waiting(longerThanMs: number): Promise<number> {
      const waiting = await watcher.query(
        `WITH RECURSIVE held (pid) AS (
          SELECT $1::integer
          UNION
          SELECT activity.pid FROM pg_stat_activity AS activity
            JOIN held ON held.pid = ANY (pg_blocking_pids(activity.pid))
        )
        SELECT FROM held JOIN pg_stat_activity USING (pid)
          WHERE wait_event_type = 'Lock' AND clock_timestamp() - query_start > make_interval(secs => $2)`,
        [locking.rows[0]?.pid, longerThanMs / 1_000],
      );
      return waiting.rowCount ?? 0;
    },
    async [Symbol.asyncDispose]() {
      await letGo();
      await Promise.all([locker.end(), watcher.end()]);
      await asAdministrator(`DROP SCHEMA ${name} CASCADE`);
    },
  };
}

/** Emptying one schema is much quicker than making one for each test. */
async function createFixture() {
  const clock = shiftedClock();
  const store = await openStore(schema, clock);
  return {
    store,
    clock,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await asAdministrator(
        [
          'tasks',
          'task_types',
          'named_values',
          'documents',
          'observations',
          'observation_heads',
          'blob_parts',
        ]
          .map((table) => `DELETE FROM ${schema}.${table}`)
          .join(';'),
      );
    },
  };
}

describe.skipIf(!server)('with a shared PostgreSQL', () => {
  afterAll(async () => {
    await asAdministrator(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
    await server?.[Symbol.asyncDispose]();
  });

  storeContract({ name: 'PostgreSQL', create: createFixture });

  describe('two stores on one schema', () => {
    it('can be the first at the same time', async () => {
      const name = `${schema}_new`;
      const stores = await Promise.all(Array.from({ length: 4 }, () => openStore(name)));
      expect(stores.map((store) => store.status)).toEqual(stores.map(() => 'connected'));
      await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()));
      await asAdministrator(`DROP SCHEMA ${name} CASCADE`);
    });

    it('see one truth, and share out what is due', async () => {
      await using fixture = await createFixture();
      await using other = await openStore();
      const stores = [fixture.store, other];
      const tasks = sampleTasks(400);
      await fixture.store.insert(tasks);
      const lane = { type: 'probe-http', region: 'active', limitKey: '' };
      const claims = await Promise.all(
        stores.flatMap((store) =>
          Array.from({ length: 5 }, () => store.claim(lane, { now: noon, leaseUntil: noon + 1, limit: 40 })),
        ),
      );
      for (let last = claims[0]; last && last.length > 0; claims.push(last)) {
        last = await other.claim(lane, { now: noon, leaseUntil: noon + 1, limit: 40 });
      }
      expect(ids(claims.flat()).toSorted()).toEqual(ids(tasks).toSorted());
    });

    it('apply overlapping changes and make everything due at once without a deadlock', async () => {
      await using fixture = await createFixture();
      await using other = await openStore();
      const stores = [fixture.store, other];
      const tasks = sampleTasks(300, { life: { dueAt: noon + 1 } });
      await fixture.store.insert(tasks);
      const writes = Array.from({ length: 20 }, async (_, n) => {
        const order = n % 3 ? tasks.toReversed() : tasks;
        const store = stores[n % 2] ?? other;
        return tasks.length - (await store.apply(order.map((task) => change(task, {})))).length;
      });
      const made = Promise.all(stores.map((store) => store.makeAllDue(noon)));
      const written = (await Promise.all(writes)).reduce((sum, count) => sum + count, 0);
      const due = (await made).reduce((sum, count) => sum + count, 0);
      const revisions = (await other.controls(ids(tasks))).map((task) => task.life.revision - 1);
      expect(revisions.reduce((sum, count) => sum + count, 0)).toBe(written + due);
    });

    it('hear what the other notifies, however much, and not what they say themselves', async () => {
      await using fixture = await createFixture();
      await using other = await openStore();
      const heard: string[] = [];
      const own: string[] = [];
      using _other = other.onNotify((_channel, taskIds) => heard.push(...taskIds));
      using _own = fixture.store.onNotify((_channel, taskIds) => own.push(...taskIds));
      const taskIds = Array.from({ length: 1_000 }, () => newId());
      await fixture.store.notify('tasks', taskIds);
      await until(() => heard.length >= 1_000, { what: 'the notification' });
      expect(heard).toEqual(taskIds);
      await other.notify('tasks', [newId()]);
      await until(() => own.length > 0, { what: 'the answer' });
      expect(own).toHaveLength(1);
    });

    it('hear of documents apart from tasks', async () => {
      await using fixture = await createFixture();
      await using other = await openStore();
      const heard: unknown[] = [];
      using _listening = other.onNotify((...notice) => heard.push(notice));
      const id = newId();
      await fixture.store.notify('documents', ['region', 'node']);
      await fixture.store.notify('tasks', [id]);
      await until(() => heard.length >= 2, { what: 'both notifications' });
      expect(heard).toEqual([
        ['documents', ['region', 'node']],
        ['tasks', [id]],
      ]);
    });

    it('write documents in turns: no reader misses one, and one version has one winner', async () => {
      await using fixture = await createFixture();
      await using other = await openStore();
      const stores = [fixture.store, other];
      const write = (id: string, expected: number | 'any') => ({ kind: 'node', id, expected, value: id });
      const seen = new Set<string>();
      let since = 0;
      let writing = true;
      const reading = (async () => {
        for (let last = false; !last; ) {
          last = !writing;
          for (const { id, version } of await other.documentsSince(since)) {
            since = version;
            seen.add(id);
          }
        }
      })();
      const outcomes = await Promise.all(
        Array.from({ length: 100 }, (_, n) =>
          (stores[n % 2] ?? other).writeDocuments([write(`${n}`, 'any'), write(`shared ${n >> 1}`, 0)]),
        ),
      );
      writing = false;
      await reading;
      const versions = outcomes.flatMap((written) => ('version' in written ? [written.version] : []));
      expect(versions).toHaveLength(50);
      expect(new Set(versions).size).toBe(50);
      expect(seen.size).toBe(100);
    });
  });

  it('a task that somebody is just bringing back to life is not forgotten, nor waited for', async () => {
    await using fixture = await createFixture();
    const ended = { state: 'succeeded', dueAt: null, clockAt: null, announced: true } as const;
    const [retried, old] = [sampleTask({ life: ended }), sampleTask({ life: ended })];
    await fixture.store.insert([retried, old]);
    const other = new pg.Client(url);
    await other.connect();
    await other.query('BEGIN');
    await other.query(`UPDATE ${schema}.tasks SET state = 'accepted' WHERE id = $1`, [retried.spec.id]);
    expect(await fixture.store.forgetTasks({ createdBefore: noon + 1, limit: 10 })).toBe(1);
    await other.query('COMMIT');
    await other.end();
    expect(await fixture.store.forgetTasks({ createdBefore: noon + 1, limit: 10 })).toBe(0);
    expect((await fixture.store.get(retried.spec.id))?.life.state).toBe('accepted');
    expect(await fixture.store.get(old.spec.id)).toBeNull();
  });

  it('a schema of the first version is brought up to date with all that it holds', async () => {
    const name = `${schema}_old`;
    const task = sampleTask();
    {
      await using store = await openStore(name);
      await store.insert([task]);
    }
    await toFirstVersion(name);
    {
      await using store = await openStore(name);
      expect(await store.get(task.spec.id)).toEqual(task);
      const document = { kind: 'region', id: 'eu-west-1', value: {} };
      const written = await store.writeDocuments([{ ...document, expected: 0 }]);
      expect(await store.documentsSince(0)).toEqual([{ ...document, ...written }]);
    }
    await asAdministrator(`DROP SCHEMA ${name} CASCADE`);
  });

  it('a migration takes the time it needs, and others wait for it, longer than for any other statement', async () => {
    const name = `${schema}_slow`;
    await using held = await holdMigration(name);
    const log = silentLog();
    const warned = vi.spyOn(log, 'warn');
    const open = () => createPostgresStore({ ...components, log }, { url, schema: name });
    await using first = open();
    await using second = open();
    // One waits for the table, the other for the one.
    await until(async () => (await held.waiting(6_500)) === 2, {
      what: 'two that wait for longer than 6 s',
      timeoutMs: 15_000,
      everyMs: 100,
    });
    expect([first.status, second.status]).toEqual(['connecting', 'connecting']);
    await held.letGo();
    await Promise.all([connected(first), connected(second)]);
    expect(await first.documentsSince(0)).toEqual([]);
    expect(warned).not.toHaveBeenCalled();
  }, 30_000);

  it('a store that is closed while its migration is held up does not wait for it', async () => {
    await using held = await holdMigration(`${schema}_closed`);
    const store = createPostgresStore(components, { url, schema: `${schema}_closed` });
    await until(async () => (await held.waiting(0)) === 1, { what: 'the migration to wait' });
    await store[Symbol.asyncDispose]();
    expect(store.status).toBe('closed');
  });

  it('a connection that an administrator ends is made again, and listens again', async () => {
    await using fixture = await createFixture();
    await using other = await openStore();
    const seen: string[] = [];
    const heard: string[] = [];
    using _status = other.onStatus((status) => seen.push(status));
    using _notices = other.onNotify((_channel, taskIds) => heard.push(...taskIds));
    await asAdministrator(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN ${schema}_tasks'`,
    );
    await until(() => seen.includes('connected'), { what: 'the store to return' });
    expect(seen).toEqual(['connecting', 'connected']);
    await connected(fixture.store);
    await fixture.store.notify('tasks', [newId()]);
    await until(() => heard.length === 1, { what: 'the notification' });
  });

  it('a statement that the server cuts off is unavailability, and the next one works', async () => {
    await using fixture = await createFixture();
    await fixture.store.insert([sampleTask()]);
    const locker = new pg.Client(url);
    await locker.connect();
    await locker.query(`BEGIN; LOCK TABLE ${schema}.named_values`);
    const waiting = fixture.store.read('x');
    const cut = expect(waiting).rejects.toBeInstanceOf(StoreUnavailableError);
    await until(async () => {
      const found = await locker.query<{ pid: number }>(
        `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%${schema}%'`,
      );
      return found.rows.length > 0;
    });
    await cut;
    await locker.end();
    expect(await fixture.store.read('x')).toBeNull();
  });

  it('refuses a schema name that would need quoting', () => {
    expect(() => createPostgresStore(components, { url, schema: 'a"; DROP' })).toThrow(RangeError);
  });
});

describe('without a server', () => {
  it('refuses calls, keeps trying, and can be closed', async () => {
    const store = createPostgresStore(components, {
      url: `postgres://postgres@127.0.0.1:${await freePort()}/postgres`,
    });
    expect(store.status).toBe('connecting');
    await expect(store.insert([sampleTask()])).rejects.toBeInstanceOf(StoreUnavailableError);
    await expect(store.get(newId())).rejects.toBeInstanceOf(StoreUnavailableError);
    await store[Symbol.asyncDispose]();
    expect(store.status).toBe('closed');
  });
});

describe.skipIf(!canStartPostgres())('with a PostgreSQL that goes away', () => {
  it('connects when it appears, refuses calls while it is gone, and loses no acknowledged write', async () => {
    await using own = await startPostgres();
    await own.stop();
    await using store = createPostgresStore(components, { url: own.url });
    await expect(store.insert([sampleTask()])).rejects.toBeInstanceOf(StoreUnavailableError);
    await own.start();
    await connected(store);

    const acknowledged: string[] = [];
    const failures: unknown[] = [];
    let stopped = false;
    const writing = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (!stopped) {
          const tasks = sampleTasks(5);
          try {
            await store.insert(tasks);
            acknowledged.push(...ids(tasks));
          } catch (error) {
            failures.push(error);
            await connected(store);
          }
        }
      }),
    );
    await until(() => acknowledged.length > 200, { what: 'writes' });
    await own.stop('SIGKILL');
    await until(() => store.status === 'connecting' && failures.length > 0, { what: 'the loss' });
    await expect(store.read('x')).rejects.toBeInstanceOf(StoreUnavailableError);
    await own.start();
    const before = acknowledged.length;
    await until(() => acknowledged.length > before + 100, { what: 'writes after the return' });
    stopped = true;
    await writing;
    expect(failures.filter((error) => !(error instanceof StoreUnavailableError))).toEqual([]);
    expect(await store.controls(acknowledged)).toHaveLength(acknowledged.length);
  });
});
