import { topics } from '@tenma/protocol';
import { type Message, type Results, ResultsUnavailableError } from '@tenma/results';
import { type Clock, every, type Log } from '@tenma/runtime';
import type { DocumentCache, DocumentChange } from '../documents/document-cache.ts';
import { activeRegion } from '../geo/view.ts';
import { createWakeable, type Wakeable } from '../wakeable.ts';
import { eventOn, failoverIdOf, isExecuted, stands } from './geo-events.ts';
import type { Lease } from './lease.ts';

interface Components {
  readonly documents: DocumentCache;
  readonly results: Results;
  readonly lease: Lease;
  readonly clock: Clock;
  readonly log: Log;
}

/** Announcements on their way at once. */
const atOnce = 100;
const retryMs = 1_000;
/** A failover is news for this long: who gets the lease later leaves it to the history. */
const newsMs = 60_000;

/**
 * While the lease is held, announces how regions, nodes, latencies and releases are, retained, and every failover once. All of it
 * again when MQTT comes back or the lease is taken; what the broker retains of things that are gone is cleared.
 */
export function startGeoAnnouncements(components: Components, leId: string): AsyncDisposable {
  return new GeoAnnouncements(components, leId);
}

class GeoAnnouncements implements AsyncDisposable {
  readonly #components: Components;
  readonly #source: string;
  readonly #announcing: Wakeable;
  readonly #parts: Disposable[];
  /** Topics on which something has to be said: what, is looked up at the moment of saying it. */
  readonly #due = new Set<string>();
  /** By topic of a region. */
  readonly #changedAt = new Map<string, number>();
  readonly #regionOf = new Map<string, string>();
  #active: string | undefined;
  readonly #seenFailovers = new Set<string>();
  /** Failovers that nobody has been heard to announce. */
  readonly #news = new Set<string>();
  /** Subscriptions: one at a time is being made or ended. */
  #listening: Promise<readonly AsyncDisposable[]> = Promise.resolve([]);
  readonly #hearing: Promise<AsyncDisposable | undefined>;

  constructor(components: Components, leId: string) {
    const { documents, results, lease, clock, log } = components;
    this.#components = components;
    this.#source = `/le/${leId}`;
    this.#announcing = createWakeable(
      () => this.#round(),
      (error) => log.error({ err: error }, 'announcing regions failed'),
    );
    this.#hearing = this.#subscribe(topics.failover('+'), ({ topic }) => {
      const heard = failoverIdOf(topic);
      if (heard === null) return;
      // MQTT may be faster than the documents.
      this.#seenFailovers.add(heard);
      this.#news.delete(heard);
    });
    this.#parts = [
      documents.onChange((changes) => this.#onChange(changes)),
      results.onStatus((status) => void (status === 'connected' && this.#everything())),
      lease.onChange((held) => {
        if (held) this.#listen();
        else this.#end();
        this.#everything();
      }),
      every(clock, retryMs, () => this.#wake()),
    ];
    if (lease.held) this.#listen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of this.#parts) part[Symbol.dispose]();
    this.#end();
    await this.#listening;
    await (await this.#hearing)?.[Symbol.asyncDispose]();
  }

  /** Hears what the broker retains, to find what has to go. */
  #listen(): void {
    this.#listening = this.#listening.then(async () => {
      const filters = [topics.region('+'), topics.node('+', '+'), topics.latency('+'), topics.release('+')];
      const made = await Promise.all(
        filters.map((filter) => this.#subscribe(filter, (message) => this.#onRetained(message))),
      );
      return made.filter((one) => one !== undefined);
    });
  }

  #end(): void {
    this.#due.clear();
    this.#listening = this.#listening.then(async (made) => {
      for (const one of made) await one[Symbol.asyncDispose]();
      return [];
    });
  }

  async #subscribe(filter: string, handler: (message: Message) => void) {
    const { results, log } = this.#components;
    return results.subscribe(filter, handler).catch((error: unknown) => {
      log.debug({ err: error, filter }, 'not subscribed');
      return undefined;
    });
  }

  /** Something at the broker that the documents know nothing of (any more). */
  #onRetained({ topic, payload }: Message): void {
    const { documents, lease } = this.#components;
    if (payload === null || !lease.held || !documents.loaded || stands(documents, topic)) return;
    this.#due.add(topic);
    this.#wake();
  }

  /** What is known has to be up to date whoever holds the lease: a topic of a node that is gone names its region. */
  #onChange(changes: readonly DocumentChange[]): void {
    const due = new Set<string>();
    for (const change of changes) for (const topic of this.#topicsOf(change)) due.add(topic);
    if (!this.#components.lease.held) return;
    this.#mark(due);
    this.#wake();
  }

  #mark(topicsDue: Iterable<string>): void {
    const now = this.#components.clock.now();
    for (const topic of topicsDue) {
      this.#due.add(topic);
      if (topic.startsWith(topics.region(''))) this.#changedAt.set(topic, now);
    }
  }

  #topicsOf({ kind, id }: DocumentChange): string[] {
    const { documents } = this.#components;
    switch (kind) {
      case 'region':
      case 'region-verdict':
        return [topics.region(id)];
      case 'node':
        return this.#topicsOfNode(id);
      case 'node-verdict': {
        const region = documents.get('node', id)?.value.region_id;
        return region === undefined ? [] : [topics.node(region, id)];
      }
      case 'active-region': {
        const before = this.#active;
        this.#active = activeRegion(documents)?.region_id;
        const flagged = [before, this.#active].filter((region) => region !== undefined);
        return [topics.activeRegion(), ...flagged.map((region) => topics.region(region))];
      }
      case 'latency':
        return [topics.latency(id)];
      case 'failover':
        return this.#topicsOfFailover(id);
      case 'release':
        return [topics.release(id)];
      case 'schedule':
      case 'policy':
        return [];
    }
  }

  /** Its own, and that of every region whose node count has changed with it. */
  #topicsOfNode(id: string): string[] {
    const before = this.#regionOf.get(id);
    const now = this.#components.documents.get('node', id)?.value.region_id;
    if (now === undefined) this.#regionOf.delete(id);
    else this.#regionOf.set(id, now);
    const regions = [...new Set([before, now])].filter((region) => region !== undefined);
    const own = regions.map((region) => topics.node(region, id));
    return before === now ? own : [...own, ...regions.map((region) => topics.region(region))];
  }

  #topicsOfFailover(id: string): string[] {
    const { documents, clock } = this.#components;
    const event = documents.get('failover', id)?.value;
    if (!event) {
      this.#seenFailovers.delete(id);
      this.#news.delete(id);
      return [];
    }
    if (this.#seenFailovers.has(id)) return [];
    this.#seenFailovers.add(id);
    if (!isExecuted(event) || clock.now() - Date.parse(event.timestamp) > newsMs) return [];
    this.#news.add(id);
    return [topics.failover(id)];
  }

  #everything(): void {
    const { documents, lease, clock } = this.#components;
    if (!lease.held || !documents.loaded) return;
    for (const id of documents.all('region').keys()) this.#due.add(topics.region(id));
    for (const [id, { value }] of documents.all('node')) this.#due.add(topics.node(value.region_id, id));
    for (const id of documents.all('latency').keys()) this.#due.add(topics.latency(id));
    for (const id of documents.all('release').keys()) this.#due.add(topics.release(id));
    this.#due.add(topics.activeRegion());
    for (const id of this.#news) {
      const event = documents.get('failover', id)?.value;
      if (event && clock.now() - Date.parse(event.timestamp) <= newsMs) this.#due.add(topics.failover(id));
      else this.#news.delete(id);
    }
    this.#wake();
  }

  #wake(): void {
    if (this.#due.size > 0) this.#announcing.wake();
  }

  async #round(): Promise<void> {
    const { documents, results, lease } = this.#components;
    while (this.#due.size > 0 && lease.held && documents.loaded && results.status === 'connected') {
      const some = [...this.#due.values().take(atOnce)];
      for (const topic of some) this.#due.delete(topic);
      const unsaid = (await Promise.all(some.map((topic) => this.#announce(topic)))).filter(
        (topic) => topic !== null,
      );
      if (unsaid.length === 0) continue;
      if (lease.held) for (const topic of unsaid) this.#due.add(topic);
      return;
    }
  }

  /** The topic, when it could not be said. */
  async #announce(topic: string): Promise<string | null> {
    const { documents, results, clock, log } = this.#components;
    const failover = failoverIdOf(topic);
    const changedAt = (of: string) => this.#changedAtOf(of, clock.now());
    const event = eventOn(documents, topic, { source: this.#source, changedAt });
    if (event === null && failover !== null) return null;
    if (event === null) this.#changedAt.delete(topic);
    try {
      await results.announce(topic, event, { qos: 1, retain: failover === null });
      if (failover !== null) this.#news.delete(failover);
    } catch (error) {
      if (error instanceof ResultsUnavailableError) return topic;
      log.error({ err: error, topic }, 'not announced');
    }
    return null;
  }

  #changedAtOf(topic: string, now: number): number {
    const known = this.#changedAt.get(topic);
    if (known === undefined) this.#changedAt.set(topic, now);
    return known ?? now;
  }
}
