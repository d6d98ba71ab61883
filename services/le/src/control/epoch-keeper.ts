import type { TaskEvent } from '@tenma/protocol';
import type { Log } from '@tenma/runtime';
import type { DocumentCache } from '../documents/document-cache.ts';
import { activeRegionId } from '../documents/kinds.ts';

/**
 * Lifts the epoch over what IC and the WEEs have heard of. They refuse whatever is sent under a lower one, and a store
 * that is new or was restored from a copy knows only of a lower one: they would refuse for ever.
 */
export interface EpochKeeper {
  /** Looks for an epoch in what the journal tells. */
  onEvents(events: readonly TaskEvent[]): void;
  /** Resolves when the store has an epoch as high, or cannot be asked now: whoever refuses tells it again. */
  heard(epoch: number): Promise<void>;
}

interface Components {
  readonly documents: DocumentCache;
  readonly log: Log;
}

/** Lost races after which it is left to the next refusal. */
const triesMax = 3;

export function createEpochKeeper(components: Components): EpochKeeper {
  return new RefusalReader(components);
}

class RefusalReader implements EpochKeeper {
  readonly #components: Components;
  /** The highest epoch heard of, while it is being looked into. */
  #heard = 0;
  #working: Promise<void> | undefined;

  constructor(components: Components) {
    this.#components = components;
  }

  onEvents(events: readonly TaskEvent[]): void {
    const highest = Math.max(0, ...events.map(epochOf));
    if (highest > 0) void this.heard(highest);
  }

  heard(epoch: number): Promise<void> {
    this.#heard = Math.max(this.#heard, epoch);
    this.#working ??= this.#catchUp().finally(() => {
      this.#heard = 0;
      this.#working = undefined;
    });
    return this.#working;
  }

  async #catchUp(): Promise<void> {
    try {
      for (let tries = 0; tries < triesMax && this.#isBehind(); tries += 1) {
        // Another replica may have moved it, or lifted it, and this one not have looked yet.
        if (tries === 0) await this.#components.documents.refresh();
        if (this.#isBehind()) await this.#lift();
      }
    } catch (error) {
      this.#components.log.debug({ err: error }, 'the epoch is not lifted yet');
    }
  }

  /** Not while there is nothing to lift. */
  #isBehind(): boolean {
    const active = this.#components.documents.get('active-region', activeRegionId);
    return active !== undefined && active.value.epoch < this.#heard;
  }

  /** Over the version that was read: of two replicas one succeeds, and the other finds it done. */
  async #lift(): Promise<void> {
    const { documents, log } = this.#components;
    const active = documents.get('active-region', activeRegionId);
    if (!active) return;
    const [heard, epoch] = [this.#heard, this.#heard + 1];
    const value = { ...active.value, epoch };
    const expected = active.version;
    if (await documents.write([{ kind: 'active-region', id: activeRegionId, expected, value }])) return;
    log.warn(
      { region: value.region_id, was: active.value.epoch, heard, epoch },
      'IC or a WEE has heard of a later epoch than the store: it was restored, or is new; the epoch is lifted',
    );
  }
}

function epochOf(event: TaskEvent): number {
  return 'epoch' in event ? (event.epoch ?? 0) : 0;
}
