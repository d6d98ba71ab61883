import type { DocumentCache, DocumentChange } from '../documents/document-cache.ts';
import type { Kind } from '../documents/kinds.ts';
import type { ActiveRegion } from '../outbox.ts';
import { activeRegion, regionsInOrder, regionVerdict } from './view.ts';

/** What IC has to know of regions to place a batch. Kept ready: it is asked for with every task. */
export interface WhereToSend extends Disposable {
  /** Null until the store has been read. */
  readonly current: () => ActiveRegion | null;
}

const tellingKinds: readonly Kind[] = ['region', 'region-verdict', 'active-region'];

export function keepWhereToSend(documents: DocumentCache): WhereToSend {
  let known: ActiveRegion | null = null;
  const listening = documents.onChange((changes: readonly DocumentChange[]) => {
    if (changes.some(({ kind }) => tellingKinds.includes(kind))) known = look(documents);
  });
  return { current: () => known, [Symbol.dispose]: () => listening[Symbol.dispose]() };
}

function look(documents: DocumentCache): ActiveRegion | null {
  const active = activeRegion(documents);
  if (!active) return null;
  const avoid = regionsInOrder(documents)
    .filter((region) => ['offline', 'maintenance'].includes(regionVerdict(documents, region).status))
    .map(({ region_id }) => region_id);
  return { region: active.region_id, epoch: active.epoch, avoid };
}
