import { randomUUID } from 'node:crypto';
import type { Clock, Log } from '@tenma/runtime';
import { createListeners } from '../listeners.ts';
import { type Channel, type Store, StoreUnavailableError } from '../store.ts';
import { blobVerbs } from './blob-verbs.ts';
import { type Database, listenerName, openDatabase } from './database.ts';
import { documentVerbs } from './document-verbs.ts';
import { notificationOf, notificationPayloads } from './notifications.ts';
import { observationVerbs } from './observation-verbs.ts';
import { storeStatements } from './statements.ts';
import { createTaskWriter } from './task-writer.ts';
import { storeVerbs } from './verbs.ts';

export interface PostgresStoreOptions {
  /** `postgres://…` */
  readonly url: string;
  /** Made when it is missing. Default `tenma`. */
  readonly schema?: string;
  /** Connections at most, besides the one that listens. Default 10. */
  readonly poolSize?: number;
}

/**
 * A store that several processes share. Returns at once and connects in the background; until then, and whenever the
 * server is away, calls throw StoreUnavailableError and `status` is `connecting`.
 * @throws RangeError for a schema that is not a plain lower-case name
 */
export function createPostgresStore(
  { log, clock }: { log: Log; clock: Clock },
  { url, schema = 'tenma', poolSize = 10 }: PostgresStoreOptions,
): Store {
  if (!/^[a-z_][a-z0-9_]{0,49}$/.test(schema)) throw new RangeError(`${schema} is no name for a schema`);
  const channel = `${schema}_tasks`;
  const database = openDatabase({ log, clock }, { url, schema, channel, poolSize });
  const writer = createTaskWriter(database, schema);
  let closing: Promise<void> | undefined;

  const whileOpen =
    <Args extends readonly unknown[], Result>(call: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      if (closing) throw new StoreUnavailableError('the store is closed');
      if (database.status !== 'connected')
        throw new StoreUnavailableError(`PostgreSQL is ${database.status}`);
      return call(...args);
    };
  const verbs = storeVerbs(database, schema);
  const documents = documentVerbs({ database, clock }, schema);
  const observations = observationVerbs(database, schema);
  const blobs = blobVerbs(database, schema);
  const notifying = notifyingVerbs(clock, database, schema, channel);

  return {
    get status() {
      return closing ? 'closed' : database.status;
    },
    onStatus: (listener) => database.onStatus(listener),
    insert: whileOpen(async (tasks) => (tasks.length === 0 ? [] : writer.insert(tasks))),
    apply: whileOpen(async (changes) => (changes.length === 0 ? [] : writer.apply(changes))),
    get: whileOpen(verbs.get),
    list: whileOpen(verbs.list),
    controls: whileOpen(verbs.controls),
    claim: whileOpen(verbs.claim),
    dueLanes: whileOpen(verbs.dueLanes),
    dueKeyedLanes: whileOpen(verbs.dueKeyedLanes),
    sentTasks: whileOpen(verbs.sentTasks),
    clocksDue: whileOpen(verbs.clocksDue),
    unannounced: whileOpen(verbs.unannounced),
    runningOn: whileOpen(verbs.runningOn),
    makeAllDue: whileOpen(verbs.makeAllDue),
    countUnfinished: whileOpen(verbs.countUnfinished),
    forgetTasks: whileOpen(verbs.forgetTasks),
    saveTaskTypes: whileOpen(verbs.saveTaskTypes),
    taskTypes: whileOpen(verbs.taskTypes),
    forgetTaskTypes: whileOpen(verbs.forgetTaskTypes),
    compareAndSet: whileOpen(verbs.compareAndSet),
    read: whileOpen(verbs.read),
    writeDocuments: whileOpen(documents.writeDocuments),
    documentsSince: whileOpen(documents.documentsSince),
    recordObservations: whileOpen(observations.recordObservations),
    observations: whileOpen(observations.observations),
    forgetObservations: whileOpen(observations.forgetObservations),
    putBlobPart: whileOpen(blobs.putBlobPart),
    blob: whileOpen(blobs.blob),
    blobPart: whileOpen(blobs.blobPart),
    forgetBlobParts: whileOpen(blobs.forgetBlobParts),
    notify: whileOpen(notifying.notify),
    onNotify: notifying.onNotify,
    [Symbol.asyncDispose]() {
      closing ??= Promise.all([writer.idle(), documents.idle(), observations.idle()]).then(() =>
        database[Symbol.asyncDispose](),
      );
      return closing;
    },
  };
}

/** A notification costs a commit, so a store that listens alone looks only now and then whether it still does. */
const aloneMs = 1_000;

function notifyingVerbs(
  clock: Clock,
  database: Database,
  schema: string,
  channel: string,
): Pick<Store, 'notify' | 'onNotify'> {
  const { notify } = storeStatements(schema);
  const self = randomUUID();
  let aloneUntil = 0;
  const listeners = createListeners<[channel: Channel, ids: readonly string[]]>();
  database.onNotification((payload) => {
    const heard = notificationOf(self, payload);
    if (heard) listeners.call(heard.channel, heard.ids);
  });
  return {
    async notify(about, ids) {
      if (ids.length === 0 || clock.monotonic() < aloneUntil) return;
      const payloads = notificationPayloads(self, { channel: about, ids });
      const told = await database.rows(notify, [channel, payloads, listenerName(channel)]);
      if (told.length === 0) aloneUntil = clock.monotonic() + aloneMs;
    },
    onNotify: (listener) => listeners.add(listener),
  };
}
