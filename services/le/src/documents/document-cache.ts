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
  #readAt = 0;
  /** The reading under way, and the one that begins after it. */
  #reading: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(components: Components, onLoad: (cache: DocumentCache) => Promise<void>) {
    const { store, clock, log } = components;
    this.#components = components;
    this.#onLoad = onLoad;
    this.#readAt = clock.monotonic();
    const look = () => void this.refresh().catch((error: unknown) => log.debug({ err: error }, 'not read'));
    this.#parts = [
      store.onStatus((status) => void (status === 'connected' && look())),
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
    await this.refresh();
    if ('conflict' in written) return written.conflict as DocumentChange;
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
    const { store, clock } = this.#components;
    const anew = clock.monotonic() - this.#readAt > trustedMs;
    const documents = await store.documentsSince(anew ? 0 : this.#seen);
    this.#readAt = clock.monotonic();
    const gone = anew ? this.#everything() : [];
    if (anew) this.#kinds.clear();
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
    for (const listener of Array.from(this.#listeners)) listener(changes);
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
