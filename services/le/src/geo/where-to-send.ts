import { roundTripsFrom } from '@tenma/geo';
import type { DocumentCache, DocumentChange } from '../documents/document-cache.ts';
import type { Kind } from '../documents/kinds.ts';
import type { ActiveRegion } from '../outbox.ts';
import { activeRegion, latencySight, regionsInOrder, regionVerdict } from './view.ts';

/** What IC has to know of regions to place a batch. Kept ready: it is asked for with every task. */
export interface WhereToSend extends Disposable {
  /** Null until the store has been read. */
  readonly current: () => ActiveRegion | null;
}

type RoundTripsTo = NonNullable<ActiveRegion['roundTripsTo']>;

const tellingKinds: readonly Kind[] = ['region', 'region-verdict', 'active-region'];

/** Measurements come by the minute from every region; a way changes little meanwhile. */
const roundTripsKeptMs = 10_000;

/** The nearest to a region that are named: of many regions, the rest would only swell the batches. */
const roundTripsNamed = 100;

export function keepWhereToSend(documents: DocumentCache): WhereToSend {
  let known: ActiveRegion | null = null;
  const ways = keepWays(documents);
  const listening = documents.onChange((changes: readonly DocumentChange[]) => {
    if (changes.some(({ kind }) => kind === 'region')) ways.forget();
    if (changes.some(({ kind }) => tellingKinds.includes(kind))) known = look(documents, ways.to);
  });
  return { current: () => known, [Symbol.dispose]: () => listening[Symbol.dispose]() };
}

function look(documents: DocumentCache, roundTripsTo: RoundTripsTo): ActiveRegion | null {
  const active = activeRegion(documents);
  if (!active) return null;
  const standing = (...statuses: readonly string[]) =>
    regionsInOrder(documents)
      .filter((region) => statuses.includes(regionVerdict(documents, region).status))
      .map(({ region_id }) => region_id);
  return {
    region: active.region_id,
    epoch: active.epoch,
    avoid: standing('offline', 'maintenance'),
    degraded: standing('degraded'),
    roundTripsTo,
  };
}

/** Round trips to the regions that tasks deal with, worked out once for all tasks of some seconds. */
function keepWays(documents: DocumentCache): { readonly to: RoundTripsTo; forget(): void } {
  const known = new Map<string, { readonly at: number; readonly ways: Readonly<Record<string, number>> }>();
  return {
    to(near, now) {
      const kept = known.get(near);
      if (kept && Math.abs(now - kept.at) < roundTripsKeptMs) return kept.ways;
      // What is no region has no way to it, and is not worth remembering: anything can be asked for.
      if (!documents.get('region', near)) return {};
      const ways = nearestTo(near, documents, now);
      known.set(near, { at: now, ways });
      return ways;
    },
    forget: () => known.clear(),
  };
}

function nearestTo(near: string, documents: DocumentCache, now: number): Readonly<Record<string, number>> {
  const ids = [...documents.all('region').keys()];
  const ways = [...roundTripsFrom(near, ids, latencySight(documents, now))]
    .filter(([, ms]) => Number.isFinite(ms))
    .sort(([, a], [, b]) => a - b);
  return Object.fromEntries(ways.slice(0, roundTripsNamed));
}
