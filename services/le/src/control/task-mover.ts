import type { Bus } from '@tenma/bus';
import { type ActiveRegion, exchanges, unplacedRegion, type VoidMessage } from '@tenma/protocol';
import type { Clock, Log } from '@tenma/runtime';
import type { Store } from '@tenma/store';
import type { DocumentCache } from '../documents/document-cache.ts';
import { activeRegion } from '../geo/view.ts';
import type { Changed, Ledger } from '../ledger.ts';
import { onRegionLeft } from '../lifecycle/index.ts';
import type { ReleaseTeller } from '../releases/tell-releases.ts';

/**
 * Takes not-started tasks for `active` and `any` away from a region that was left, and has them placed anew: when it is
 * told to, and when it sees that the active region has moved, whoever moved it.
 */
export interface TaskMover extends Disposable {
  /** Resolves with how many stood there. What was still on its way there is looked for again a little later. */
  leave(region: string, epoch: number): Promise<number>;
  /** A WEE may have been cut off while a region was left: all is told again, as soon as it is known. */
  repeat(): void;
}

interface Components {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly bus: Bus;
  readonly documents: DocumentCache;
  readonly clock: Clock;
  readonly log: Log;
  /** What the journal has told must stand in the store before it is searched. */
  readonly settle: () => Promise<void>;
  /** Told again, too, before the word that ends the answer. */
  readonly releases: Pick<ReleaseTeller, 'repeat'>;
  readonly dispatch: () => void;
}

const pageSize = 500;
/** IC's word of a task that it has just placed reaches the store within about a second: then they are looked for again. */
const againAfterMs = [2_000, 8_000];

export function createTaskMover(components: Components): TaskMover {
  return new QueueMover(components);
}

class QueueMover implements TaskMover {
  readonly #components: Components;
  readonly #timers = new Set<Disposable>();
  readonly #watching: Disposable;
  /** A WEE waits for an answer that the documents did not give yet. */
  #asked = false;
  /** Where `active` was seen last. */
  #active: ActiveRegion | null = null;
  /** The latest move, which is carried out once. */
  #latest: { readonly epoch: number; readonly moved: Promise<number> } | undefined;

  constructor(components: Components) {
    this.#components = components;
    this.#watching = components.documents.onChange(() => this.#look());
  }

  leave(region: string, epoch: number): Promise<number> {
    if (this.#latest?.epoch === epoch) return this.#latest.moved;
    this.#tell(region, epoch);
    for (const delayMs of againAfterMs) {
      const timer = this.#components.clock.after(delayMs, () => {
        this.#timers.delete(timer);
        void this.#moveFrom(region);
      });
      this.#timers.add(timer);
    }
    this.#latest = { epoch, moved: this.#moveFrom(region) };
    return this.#latest.moved;
  }

  repeat(): void {
    const { documents, releases } = this.#components;
    const active = activeRegion(documents);
    this.#asked = active === null;
    if (!active) return;
    const left = new Map<string, number>();
    for (const { value } of documents.all('failover').values()) {
      left.set(value.from_region, Math.max(value.epoch, left.get(value.from_region) ?? 0));
    }
    for (const [region, epoch] of left) this.#tell(region, epoch);
    releases.repeat();
    // Also before the first move: it ends the answer, which a WEE waits for.
    this.#tell(unplacedRegion, active.epoch);
  }

  [Symbol.dispose](): void {
    this.#watching[Symbol.dispose]();
    for (const timer of this.#timers) timer[Symbol.dispose]();
  }

  #look(): void {
    const before = this.#active;
    const now = activeRegion(this.#components.documents);
    this.#active = now;
    if (!now) return;
    if (this.#asked) this.repeat();
    // Whoever moved it last may have died before the tasks were.
    if (!before) void this.#move((region) => region !== now.region_id, ['active']);
    else if (now.epoch > before.epoch) void this.leave(before.region_id, now.epoch);
  }

  #tell(region: string, epoch: number): void {
    const { bus, log } = this.#components;
    const message: VoidMessage = { kind: 'void', region, epoch };
    bus
      .broadcast(exchanges.control, message)
      .catch((error: unknown) => log.debug({ err: error }, 'not broadcast'));
  }

  #moveFrom(left: string): Promise<number> {
    return this.#move((region) => region === left, ['active', 'any']);
  }

  /** Not-started tasks for `asked` that stand in such a region. */
  async #move(isLeft: (region: string) => boolean, asked: readonly string[]): Promise<number> {
    const { settle, dispatch, log } = this.#components;
    try {
      await settle();
      const moved = await moveQueued(this.#components, isLeft, asked);
      if (moved > 0) dispatch();
      return moved;
    } catch (error) {
      log.warn(
        { err: error },
        'tasks of a region that was left are not placed anew yet; their clocks see to it',
      );
      return 0;
    }
  }
}

async function moveQueued(
  { store, ledger, clock }: Components,
  isLeft: (region: string) => boolean,
  asked: readonly string[],
): Promise<number> {
  const moved: Changed[] = [];
  let after: string | null = null;
  do {
    const page = await store.list({ states: ['queued'] }, { size: pageSize, after });
    const here = page.items.filter(
      ({ spec, life }) => asked.includes(spec.region) && life.placement && isLeft(life.placement.region),
    );
    const ids = here.map(({ spec }) => spec.id);
    moved.push(
      ...(await ledger.change(ids, (control) => {
        const region = control.life.placement?.region;
        return region !== undefined && isLeft(region) ? onRegionLeft(control, region, clock.now()) : null;
      })),
    );
    after = page.next;
  } while (after !== null);
  return moved.length;
}
