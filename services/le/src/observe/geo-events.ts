import {
  type ActiveRegion,
  type CloudEvent,
  cloudEvent,
  type FailoverEvent,
  type LatencyVector,
  type Node,
  type Region,
  type Release,
  topicPrefix,
} from '@tenma/protocol';
import type { DocumentCache } from '../documents/document-cache.ts';
import { activeRegionId } from '../documents/kinds.ts';
import { nodeView, regionView } from '../geo/view.ts';
import { releaseOf } from '../releases/views.ts';

/** What is announced of regions and of releases, as the documents have it now. */
export type GeoEvent = CloudEvent<Region | Node | ActiveRegion | LatencyVector | FailoverEvent | Release>;

/** Who announces, and, as a region's node count is in no document of its own, since when the region is as it is. */
export interface Told {
  readonly source: string;
  readonly changedAt: (topic: string) => number;
}

/**
 * The event for a topic of regions or of a release; null when there is nothing (any more) that it tells of. The id is `<topic>/<version>`:
 * of the newest document that the event shows, so that a repetition has the same and a change another one.
 */
export function eventOn(documents: DocumentCache, topic: string, told: Told): GeoEvent | null {
  const [of, ...ids] = levelsOf(topic);
  const [first = '', second = ''] = ids;
  if (of === 'regions') return ofRegion(documents, topic, first, told);
  if (of === 'nodes') return ofNode(documents, topic, first, second, told);
  if (of === 'active-region') return ofActive(documents, topic, told);
  if (of === 'latency') return ofLatency(documents, topic, first, told);
  if (of === 'failovers') return ofFailover(documents, topic, first, told);
  if (of === 'releases') return ofRelease(documents, topic, first, told);
  return null;
}

/** Whether {@link eventOn} has something to say, without the work of saying it. */
export function stands(documents: DocumentCache, topic: string): boolean {
  const [of, first = '', second = ''] = levelsOf(topic);
  if (of === 'regions') return documents.get('region', first) !== undefined;
  if (of === 'nodes') return documents.get('node', second)?.value.region_id === first;
  if (of === 'active-region') return documents.get('active-region', activeRegionId) !== undefined;
  if (of === 'latency') return documents.get('latency', first) !== undefined;
  if (of === 'releases') return documents.get('release', first) !== undefined;
  return of === 'failovers' && documents.get('failover', first) !== undefined;
}

/** A failover that happened: neither a plan nor an attempt. */
export function isExecuted(event: FailoverEvent): boolean {
  return event.success && !event.dry_run;
}

/** The failover that a topic tells of; null for every other topic. */
export function failoverIdOf(topic: string): string | null {
  const [of, id] = levelsOf(topic);
  return of === 'failovers' && id !== undefined ? id : null;
}

function levelsOf(topic: string): string[] {
  return topic.slice(topicPrefix.length + 1).split('/');
}

function ofRegion(documents: DocumentCache, topic: string, id: string, told: Told): GeoEvent | null {
  const region = documents.get('region', id);
  if (!region) return null;
  const data = regionView(documents, region.value);
  const version = Math.max(
    region.version,
    documents.get('region-verdict', id)?.version ?? 0,
    documents.get('active-region', activeRegionId)?.version ?? 0,
  );
  return cloudEvent({
    id: `${topic}/${version}-${data.node_count}-${told.changedAt(topic)}`,
    source: told.source,
    name: `region.${data.status}`,
    subject: id,
    at: latest(data.updated_at, data.status_since),
    data,
  });
}

function ofNode(
  documents: DocumentCache,
  topic: string,
  regionId: string,
  id: string,
  { source }: Told,
): GeoEvent | null {
  const node = documents.get('node', id);
  if (node?.value.region_id !== regionId) return null;
  const data = nodeView(documents, node.value);
  const version = Math.max(node.version, documents.get('node-verdict', id)?.version ?? 0);
  const at = latest(data.updated_at, data.status_since);
  return cloudEvent({
    id: `${topic}/${version}`,
    source,
    name: `node.${data.status}`,
    subject: id,
    at,
    data,
  });
}

function ofActive(documents: DocumentCache, topic: string, { source }: Told): GeoEvent | null {
  const active = documents.get('active-region', activeRegionId);
  if (!active) return null;
  const { version, value: data } = active;
  return cloudEvent({
    id: `${topic}/${version}`,
    source,
    name: 'active-region.changed',
    subject: data.region_id,
    at: Date.parse(data.since),
    data,
  });
}

function ofLatency(documents: DocumentCache, topic: string, from: string, { source }: Told): GeoEvent | null {
  const vector = documents.get('latency', from);
  if (!vector) return null;
  const { version, value: data } = vector;
  // Nothing measured is nothing to tell.
  if (Object.keys(data.to).length === 0) return null;
  const at = latest(...Object.values(data.to).map((cell) => cell.at));
  return cloudEvent({
    id: `${topic}/${version}`,
    source,
    name: 'latency.measured',
    subject: from,
    at,
    data,
  });
}

function ofFailover(documents: DocumentCache, topic: string, id: string, { source }: Told): GeoEvent | null {
  const data = documents.get('failover', id)?.value;
  if (!data || !isExecuted(data)) return null;
  const at = Date.parse(data.timestamp);
  return cloudEvent({ id: topic, source, name: 'failover.executed', subject: id, at, data });
}

function ofRelease(documents: DocumentCache, topic: string, type: string, { source }: Told): GeoEvent | null {
  const release = documents.get('release', type);
  if (!release) return null;
  return cloudEvent({
    id: `${topic}/${release.version}`,
    source,
    name: `release.${release.value.change}`,
    subject: type,
    at: Date.parse(release.value.since),
    data: releaseOf(release.value),
  });
}

function latest(...times: readonly string[]): number {
  return Math.max(0, ...times.map((time) => Date.parse(time)));
}
