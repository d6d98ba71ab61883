import type { Json } from '@tenma/protocol';
import { type Clock, every, type Log } from '@tenma/runtime';
import type { Document, DocumentWrite, Store } from '@tenma/store';
import type { DocumentValues, Kind } from './kinds.ts';

export interface Cached<Value> {
  readonly version: number;
  readonly value: Value;
}

export type Write = {
  readonly [K in Kind]: {
    readonly kind: K;
    readonly id: string;
    /** The version it was read at; 0: there must be none; `any`: whatever stands there. */
    readonly expected: number | 'any';
    /** Null deletes. */
    readonly value: DocumentValues[K] | null;
  };
}[Kind];

export interface DocumentChange {
  readonly kind: Kind;
  readonly id: string;
}

/** All documents of the store in memory, kept up with what this and other replicas write. */
export interface DocumentCache extends AsyncDisposable {
  /** False until the store has been read; until then nothing is there. */
  readonly loaded: boolean;
  get<K extends Kind>(kind: K, id: string): Cached<DocumentValues[K]> | undefined;
  all<K extends Kind>(kind: K): ReadonlyMap<string, Cached<DocumentValues[K]>>;
  /**
   * All or nothing. Resolves when the cache shows it, with null, or with the document that was not as expected.
   * @throws StoreUnavailableError
   */
  write(writes: readonly Write[]): Promise<DocumentChange | null>;
  /** Reads what has been written meanwhile. @throws StoreUnavailableError */
  refresh(): Promise<void>;
  /** After every change, whoever made it; and once after loading, with all there is. */
  onChange(listener: (changes: readonly DocumentChange[]) => void): Disposable;
}

interface Components {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

/** Other replicas tell of their writes; this is for what they could not tell. */
const pollMs = 1_000;
/** The store forgets deletions after an hour: who has not looked for longer than this reads everything anew. */
const trustedMs = 30 * 60_000;

/**
 * Starts to read. `onLoad` runs after the first reading and before anybody sees it: the place to write what must be
 * there from the beginning.
 */
export function keepDocuments(
  components: Components,
  onLoad: (cache: DocumentCache) => Promise<void>,
): DocumentCache {
  return new SyncedDocuments(components, onLoad);
}

class SyncedDocuments implements DocumentCache {
  readonly #components: Components;
  readonly #onLoad: (cache: DocumentCache) => Promise<void>;
  readonly #kinds = new Map<string, Map<string, Cached<never>>>();
  readonly #listeners = new Set<(changes: readonly DocumentChange[]) => void>();
  readonly #parts: Disposable[];
  #stage: 'unread' | 'seeding' | 'loaded' = 'unread';
  #seen = 0;
  /** On both clocks: one of them may stand still while the machine sleeps. */
  #readAt: { readonly now: number; readonly monotonic: number };
  /** What was read may be of another life of the database: it came back, or refused a write that should have fitted. */
  #doubtful = true;
  /** The reading under way, and the one that begins after it. */
  #reading: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(components: Components, onLoad: (cache: DocumentCache) => Promise<void>) {
    const { store, clock, log } = components;
    this.#components = components;
    this.#onLoad = onLoad;
    this.#readAt = this.#timesNow();
    const look = () => void this.refresh().catch((error: unknown) => log.debug({ err: error }, 'not read'));
    this.#parts = [
      store.onStatus((status) => void (status === 'connected' && this.#lookAnew())),
      store.onNotify((channel) => void (channel === 'documents' && look())),
      every(clock, pollMs, () => this.refresh().catch(() => undefined)),
    ];
    look();
  }

  get loaded(): boolean {
    return this.#stage === 'loaded';
  }

  get<K extends Kind>(kind: K, id: string): Cached<DocumentValues[K]> | undefined {
    return this.all(kind).get(id);
  }

  all<K extends Kind>(kind: K): ReadonlyMap<string, Cached<DocumentValues[K]>> {
    return this.#kindOf(kind);
  }

  async write(writes: readonly Write[]): Promise<DocumentChange | null> {
    const { store, log } = this.#components;
    if (writes.length === 0) return null;
    const written = await store.writeDocuments(writes as readonly (Write & DocumentWrite)[]);
    if ('conflict' in written) return this.#afterConflict(written.conflict as DocumentChange);
    await this.refresh();
    const kinds = [...new Set(writes.map(({ kind }) => kind))];
    store
      .notify('documents', kinds)
      .catch((error: unknown) => log.debug({ err: error }, 'replicas not told'));
    return null;
  }

  /** One reading at a time; who comes during one gets the next, which sees all that was written before the call. */
  refresh(): Promise<void> {
    if (!this.#reading) {
      this.#reading = this.#read().finally(() => {
        this.#reading = undefined;
      });
      return this.#reading;
    }
    this.#next ??= this.#reading
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.refresh();
      });
    return this.#next;
  }

  onChange(listener: (changes: readonly DocumentChange[]) => void): Disposable {
    this.#listeners.add(listener);
    if (this.loaded) listener(this.#everything());
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of this.#parts) part[Symbol.dispose]();
    this.#listeners.clear();
    await this.#reading?.catch(() => undefined);
  }

  async #read(): Promise<void> {
    const { store } = this.#components;
    const anew = this.#doubtful || this.#sinceReadMs() > trustedMs;
    const documents = await store.documentsSince(anew ? 0 : this.#seen);
    this.#readAt = this.#timesNow();
    const gone = anew ? this.#everything() : [];
    if (anew) {
      this.#kinds.clear();
      this.#seen = 0;
      this.#doubtful = false;
    }
    for (const document of documents) this.#take(document);
    const changes = [...gone, ...(documents as readonly (Document & DocumentChange)[])];
    if (this.#stage === 'loaded') {
      if (changes.length > 0) this.#tell(changes);
    } else if (this.#stage === 'unread') {
      this.#stage = 'seeding';
      // Not awaited: what it writes waits for the reading after this one.
      void this.#seed();
    }
  }

  /** Who was refused by what stands in the cache, and finds it unchanged after reading on, reads everything anew. */
  async #afterConflict(conflict: DocumentChange): Promise<DocumentChange> {
    const before = this.get(conflict.kind, conflict.id)?.version;
    await this.refresh();
    if (this.get(conflict.kind, conflict.id)?.version === before) {
      this.#doubtful = true;
      await this.refresh();
    }
    return conflict;
  }

  #lookAnew(): void {
    this.#doubtful = true;
    void this.refresh().catch((error: unknown) => this.#components.log.debug({ err: error }, 'not read'));
  }

  #timesNow(): { now: number; monotonic: number } {
    const { clock } = this.#components;
    return { now: clock.now(), monotonic: clock.monotonic() };
  }

  #sinceReadMs(): number {
    const { now, monotonic } = this.#timesNow();
    return Math.max(Math.abs(now - this.#readAt.now), monotonic - this.#readAt.monotonic);
  }

  async #seed(): Promise<void> {
    try {
      await this.#onLoad(this);
      this.#stage = 'loaded';
      this.#tell(this.#everything());
    } catch (error) {
      this.#stage = 'unread';
      this.#components.log.warn({ err: error }, 'the first documents are not written; trying again');
    }
  }

  #take({ kind, id, version, value }: Document): void {
    this.#seen = Math.max(this.#seen, version);
    const ofKind = this.#kindOf(kind);
    if (value === null) ofKind.delete(id);
    else ofKind.set(id, { version, value: value as Json as never });
  }

  #tell(changes: readonly DocumentChange[]): void {
    for (const listener of Array.from(this.#listeners)) {
      // One that fails must fail neither the others nor who has written.
      try {
        listener(changes);
      } catch (error) {
        this.#components.log.error({ err: error }, 'a listener to documents failed');
      }
    }
  }

  #everything(): DocumentChange[] {
    return [...this.#kinds].flatMap(([kind, all]) =>
      [...all.keys()].map((id) => ({ kind: kind as Kind, id })),
    );
  }

  #kindOf(kind: string): Map<string, Cached<never>> {
    let found = this.#kinds.get(kind);
    if (!found) this.#kinds.set(kind, (found = new Map()));
    return found;
  }
}
