import { isTerminal, observePrincipal, type PolicyEvent, type Verdict } from '@tenma/protocol';
import type { DocumentCache, DocumentChange } from '../documents/document-cache.ts';
import { activeRegion, regionVerdict } from '../geo/view.ts';
import type { Changed } from '../ledger.ts';
import { isExecuted } from '../observe/geo-events.ts';

/** Turns changes of documents into events. Has to be told all of them, as it remembers what was before. */
export interface DocumentEvents {
  /** @returns nothing for the first changes it is told: what they show is what was there already */
  after(changes: readonly DocumentChange[], now: number): PolicyEvent[];
}

export function createDocumentEvents(documents: DocumentCache): DocumentEvents {
  const regions: Statuses = new Map();
  const nodes: Statuses = new Map();
  const failovers = new Set<string>();
  let begun = false;

  function regionEvent(id: string, now: number): PolicyEvent | null {
    const verdict = documents.get('region-verdict', id);
    const previous = regions.get(id) ?? 'online';
    remember(regions, id, verdict?.value.status);
    if (!verdict || verdict.value.status === previous || !documents.get('region', id)) return null;
    return regionStatus(documents, id, {
      verdict: verdict.value,
      previous,
      id: regionEventId(id, verdict.version),
      now,
    });
  }

  function nodeEvent(id: string, now: number): PolicyEvent | null {
    const verdict = documents.get('node-verdict', id);
    const previous = nodes.get(id) ?? 'unknown';
    remember(nodes, id, verdict?.value.status);
    const node = documents.get('node', id)?.value;
    if (!verdict || verdict.value.status === previous || !node) return null;
    const { status, reason } = verdict.value;
    const { region_id, node_type, endpoint } = node;
    return {
      name: 'node.status',
      id: `node.status/${id}/${verdict.version}`,
      at: now,
      fields: { node_id: id, region_id, status, previous, node_type, endpoint, reason },
    };
  }

  function failoverEvent(id: string, now: number): PolicyEvent | null {
    const event = documents.get('failover', id)?.value;
    const isNew = event !== undefined && !failovers.has(id);
    if (event) failovers.add(id);
    else failovers.delete(id);
    if (!isNew || !isExecuted(event)) return null;
    const { from_region, to_region, epoch, automatic } = event;
    return {
      name: 'failover.executed',
      id: `failover.executed/${id}`,
      at: now,
      fields: { event_id: id, from_region, to_region, epoch, automatic },
    };
  }

  function eventOf({ kind, id }: DocumentChange, now: number): PolicyEvent | null {
    if (kind === 'region-verdict') return regionEvent(id, now);
    if (kind === 'node-verdict') return nodeEvent(id, now);
    return kind === 'failover' ? failoverEvent(id, now) : null;
  }

  return {
    after(changes, now) {
      const events = changes.map((change) => eventOf(change, now)).filter((event) => event !== null);
      const told = begun ? events : [];
      begun = true;
      return told;
    },
  };
}

type Statuses = Map<string, Verdict['status']>;

function remember(statuses: Statuses, id: string, status: Verdict['status'] | undefined): void {
  if (status === undefined) statuses.delete(id);
  else statuses.set(id, status);
}

function regionEventId(regionId: string, version: number): string {
  return `region.status/${regionId}/${version}`;
}

function regionStatus(
  documents: DocumentCache,
  regionId: string,
  { verdict, previous, id, now }: { verdict: Verdict; previous: string; id: string; now: number },
): PolicyEvent {
  const active = activeRegion(documents)?.region_id === regionId;
  const { status, reason } = verdict;
  return {
    name: 'region.status',
    id,
    at: now,
    fields: { region_id: regionId, status, previous, active, reason },
  };
}

/** How often it is told again that the active region is offline. */
export const againMs = 10_000;

/**
 * That the active region is offline, as a state and not as a change: another event for every {@link againMs} that it
 * has been so, the same for every replica. Null as long as it is not.
 */
export function activeIsOffline(documents: DocumentCache, now: number): PolicyEvent | null {
  const regionId = activeRegion(documents)?.region_id;
  const region = regionId === undefined ? undefined : documents.get('region', regionId)?.value;
  if (!region) return null;
  const verdict = regionVerdict(documents, region);
  if (verdict.status !== 'offline') return null;
  const version = documents.get('region-verdict', region.region_id)?.version ?? 0;
  const round = Math.max(0, Math.floor((now - Date.parse(verdict.since)) / againMs));
  const id = `${regionEventId(region.region_id, version)}/again-${round}`;
  return regionStatus(documents, region.region_id, { verdict, previous: 'offline', id, now });
}

/** The end of a task; null for every other change, and for what `observe` makes by the thousand. */
export function taskFinished({ before, after: { spec, life } }: Changed, now: number): PolicyEvent | null {
  if (!isTerminal(life.state) || isTerminal(before.life.state)) return null;
  if (spec.principal === observePrincipal) return null;
  const { id, type, region } = spec;
  return {
    name: 'task.finished',
    id: `task.finished/${id}/${life.revision}`,
    at: now,
    fields: { task_id: id, type, state: life.state, region, error_code: life.error?.code ?? null },
  };
}
