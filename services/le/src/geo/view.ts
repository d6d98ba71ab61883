import type { Candidate, LatencySight, Place } from '@tenma/geo';
import {
  type ActiveRegion,
  type GeoStatus,
  type Node,
  type NodeRecord,
  type NodeStatus,
  type Region,
  type RegionRecord,
  type Verdict,
} from '@tenma/protocol';
import { activeRegionId } from '../documents/kinds.ts';
import type { DocumentCache } from '../documents/document-cache.ts';

/** Null until the store has been read. */
export function activeRegion(documents: DocumentCache): ActiveRegion | null {
  return documents.get('active-region', activeRegionId)?.value ?? null;
}

export function nodesOf(documents: DocumentCache, regionId: string): NodeRecord[] {
  return allNodes(documents).filter((node) => node.region_id === regionId);
}

function allNodes(documents: DocumentCache): NodeRecord[] {
  return [...documents.all('node').values()].map(({ value }) => value);
}

/** How many nodes each region has; a region without nodes is not in it. */
export type NodeCounts = ReadonlyMap<string, number>;

/** Goes through all nodes: once for as many regions as are looked at. */
export function countNodes(documents: DocumentCache): NodeCounts {
  const counts = new Map<string, number>();
  for (const { value } of documents.all('node').values()) {
    counts.set(value.region_id, (counts.get(value.region_id) ?? 0) + 1);
  }
  return counts;
}

/**
 * What is known of a region. One without a verdict is online: it has no nodes, or nobody watches them here. As soon as
 * somebody does, and has seen nothing yet, there is a verdict that says `unknown`. What was written of a maintenance that
 * is over says nothing of how the region fares.
 */
export function regionVerdict(documents: DocumentCache, region: RegionRecord): Verdict {
  const known = documents.get('region-verdict', region.region_id)?.value;
  if (region.maintenance !== (known?.status === 'maintenance')) {
    // It was set or ended a moment ago: its verdict follows.
    if (region.maintenance) return { ...unseen(region, 'maintenance'), since: region.updated_at };
    const watched = nodesOf(documents, region.region_id).length > 0;
    return { ...unseen(region, watched ? 'unknown' : 'online'), since: region.updated_at };
  }
  return known ?? unseen(region, 'online');
}

export function nodeVerdict(documents: DocumentCache, node: NodeRecord): Verdict {
  return documents.get('node-verdict', node.node_id)?.value ?? unseen(node, 'unknown');
}

function unseen({ created_at }: { created_at: string }, status: Verdict['status']): Verdict {
  return { status, reason: null, since: created_at, quarantined: false, observers: [] };
}

/** `counts` spares going through all nodes where several regions are shown. */
export function regionView(
  documents: DocumentCache,
  region: RegionRecord,
  counts: NodeCounts = countNodes(documents),
): Region {
  const { status, reason, since, quarantined } = regionVerdict(documents, region);
  return {
    ...region,
    status,
    status_reason: reason,
    status_since: since,
    quarantined,
    active: activeRegion(documents)?.region_id === region.region_id,
    node_count: counts.get(region.region_id) ?? 0,
  };
}

/** All regions by priority. */
export function regionViews(documents: DocumentCache): Region[] {
  const counts = countNodes(documents);
  return regionsInOrder(documents).map((region) => regionView(documents, region, counts));
}

export function nodeView(documents: DocumentCache, node: NodeRecord): Node {
  const { status, reason, since, quarantined, observers } = nodeVerdict(documents, node);
  return {
    ...node,
    status: status as NodeStatus,
    status_reason: reason,
    status_since: since,
    quarantined,
    observers,
  };
}

/** By id; of one region, or all. */
export function nodeViews(documents: DocumentCache, regionId?: string): Node[] {
  return (regionId === undefined ? allNodes(documents) : nodesOf(documents, regionId))
    .sort((a, b) => (a.node_id < b.node_id ? -1 : 1))
    .map((node) => nodeView(documents, node));
}

/** By priority, then by id. */
export function regionsInOrder(documents: DocumentCache): RegionRecord[] {
  return [...documents.all('region').values()]
    .map(({ value }) => value)
    .sort((a, b) => a.priority - b.priority || a.region_id.localeCompare(b.region_id));
}

export function statusView(documents: DocumentCache): GeoStatus | null {
  const active = activeRegion(documents);
  if (!active) return null;
  const counts = countNodes(documents);
  const online = new Map<string, number>();
  for (const node of allNodes(documents)) {
    if (nodeVerdict(documents, node).status !== 'online') continue;
    online.set(node.region_id, (online.get(node.region_id) ?? 0) + 1);
  }
  const regions: GeoStatus['regions'] = {};
  for (const region of regionsInOrder(documents)) {
    const { region_id: id, priority } = region;
    regions[id] = {
      status: regionVerdict(documents, region).status,
      node_count: counts.get(id) ?? 0,
      online_nodes: online.get(id) ?? 0,
      priority,
    };
  }
  const all = Object.values(regions);
  return {
    active_region: active.region_id,
    epoch: active.epoch,
    total_regions: all.length,
    total_nodes: documents.all('node').size,
    online_regions: all.filter(({ status }) => status === 'online').length,
    online_nodes: all.reduce((sum, { online_nodes }) => sum + online_nodes, 0),
    auto_failover: documents.get('policy', 'auto-failover')?.value.enabled ?? false,
    regions,
  };
}

/** The regions as a failover weighs them. */
export function candidates(documents: DocumentCache, withWorkers: ReadonlySet<string>): Candidate[] {
  const counts = countNodes(documents);
  return regionsInOrder(documents).map((region) => {
    const { status, quarantined } = regionVerdict(documents, region);
    const { region_id: regionId, location, priority } = region;
    const workers = withWorkers.has(regionId);
    const nodes = (counts.get(regionId) ?? 0) > 0;
    return { regionId, location, priority, status, quarantined, workers, nodes };
  });
}

/** Measurements older than this no longer count. */
export const latencyFreshMs = 15 * 60_000;

/** What is known of round trips. */
export function latencySight(documents: DocumentCache, now: number): LatencySight {
  const places = new Map<string, Place>();
  for (const { region_id, location } of regionsInOrder(documents)) places.set(region_id, location);
  const vectors = new Map([...documents.all('latency')].map(([id, { value }]) => [id, value] as const));
  return { places, vectors, now, freshMs: latencyFreshMs };
}
