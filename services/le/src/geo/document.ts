import { isDeepStrictEqual } from 'node:util';
import {
  type ActiveRegion,
  type GeoDocument,
  type NewNode,
  type NewRegion,
  type NodeRecord,
  pointer,
  type Problem,
  problem,
  type RegionRecord,
  timestamp,
} from '@tenma/protocol';
import type { Log } from '@tenma/runtime';
import type { Store } from '@tenma/store';
import { type Answer, changeDocuments, type Plan } from '../documents/change-documents.ts';
import type { Cached, DocumentCache, Write } from '../documents/document-cache.ts';
import { activeRegionId } from '../documents/kinds.ts';
import { forgetNode, forgetResults } from './nodes.ts';
import { forgetRegion, regionRecord, type RegistryComponents } from './regions.ts';
import { activeRegion, regionsInOrder, regionVerdict } from './view.ts';

/** What the owner has said of regions and nodes; null before the first regions are written. */
export function exportDocument(documents: DocumentCache): GeoDocument | null {
  const active = activeRegion(documents);
  if (!active) return null;
  const nodes = [...documents.all('node').values()].map(({ value }) => saidOf(value));
  return {
    version: 1,
    active_region: active.region_id,
    regions: regionsInOrder(documents).map(saidOf),
    nodes: nodes.sort((a, b) => (a.node_id < b.node_id ? -1 : 1)),
  };
}

function saidOf<Said extends NewRegion | NewNode>(record: Said & { created_at: string; updated_at: string }) {
  const { created_at: _, updated_at: __, ...said } = record;
  return said;
}

interface ImportComponents extends RegistryComponents {
  readonly store: Pick<Store, 'forgetObservations'>;
  readonly log: Log;
}

/** How many there are now, and which one is active. */
export interface Imported {
  readonly regions: number;
  readonly nodes: number;
  readonly active_region: string;
}

/**
 * Puts the regions and nodes of the document in the place of those there are and makes its active region the active
 * one, all in one write: it happens whole or not at all. Who sees `active` move takes the tasks along. Task types of
 * probes are not looked up: the workers that know them may not be there yet.
 * @throws StoreUnavailableError
 */
export async function importDocument(
  components: ImportComponents,
  document: GeoDocument,
): Promise<Answer<Imported>> {
  const errors = faultsOf(document);
  if (errors.length > 0) return { problem: problem('invalid_request', { errors }) };
  const { documents, clock, inTurn, log } = components;
  const now = timestamp(clock.now());
  const replaced = await inTurn(() =>
    changeDocuments(documents, () => replacement(documents, document, now)),
  );
  if ('problem' in replaced) return replaced;
  const { goneNodes, before, active } = replaced.value;
  if (active.epoch !== before.epoch) {
    const { region_id: to, epoch } = active;
    log.warn({ from: before.region_id, to, epoch }, 'the active region was set by an import');
  }
  await forgetResults(components, goneNodes);
  return {
    value: {
      regions: document.regions.length,
      nodes: document.nodes.length,
      active_region: active.region_id,
    },
  };
}

interface Replaced {
  readonly goneNodes: readonly string[];
  readonly before: ActiveRegion;
  readonly active: ActiveRegion;
}

function replacement(
  documents: DocumentCache,
  document: GeoDocument,
  now: string,
): Plan<Replaced> | { problem: Problem } {
  const before = documents.get('active-region', activeRegionId);
  if (!before) return { problem: problem('store_unavailable', { detail: 'no region is active yet' }) };
  const regions = new Map(document.regions.map((region) => [region.region_id, regionRecord(region, now)]));
  const target = regions.get(document.active_region);
  const refusal = target && switchRefusal(documents, before.value, target);
  if (refusal) return { problem: refusal };
  const active = activeAfter(before.value, document.active_region, now);
  const nodes = nodesReplaced(documents, new Map(document.nodes.map((node) => [node.node_id, node])), now);
  return {
    value: { goneNodes: nodes.gone, before: before.value, active },
    writes: [...regionWrites(documents, regions), ...nodes.writes, activeWrite(before, active)],
  };
}

/** As `PUT active-region` refuses it; what is active already may stay so, whatever has become of it. */
function switchRefusal(documents: DocumentCache, active: ActiveRegion, target: RegionRecord): Problem | null {
  const { region_id: id } = target;
  if (active.region_id === id) return null;
  const { status } = regionVerdict(documents, target);
  if (status !== 'offline' && status !== 'maintenance') return null;
  const detail =
    status === 'offline'
      ? `${id}, the active region of the document, is offline`
      : `the document has ${id} as its active region and in maintenance`;
  const hint = `Nothing is changed. Name another active region; ${active.region_id} is active now.`;
  return problem('failover_refused', { detail, hint });
}

function activeAfter(before: ActiveRegion, regionId: string, now: string): ActiveRegion {
  if (before.region_id === regionId) return before;
  return { active_region: regionId, region_id: regionId, epoch: before.epoch + 1, since: now };
}

/** Over the version that was read, moved or not: nobody else moves it at the same moment. */
function activeWrite({ version }: Cached<ActiveRegion>, value: ActiveRegion): Write {
  return { kind: 'active-region', id: activeRegionId, expected: version, value };
}

/** Every region is written, changed or not: so nothing can be added to one, or take one away, at the same moment. */
function regionWrites(documents: DocumentCache, regions: ReadonlyMap<string, RegionRecord>): Write[] {
  const writes: Write[] = [];
  for (const [id, wanted] of regions) {
    const known = documents.get('region', id);
    const value: RegionRecord = continued(wanted, known?.value);
    writes.push({ kind: 'region', id, expected: known?.version ?? 0, value });
    if (!known) writes.push(...forgetRegion(documents, id));
  }
  for (const [id, { version }] of documents.all('region')) {
    if (regions.has(id)) continue;
    writes.push({ kind: 'region', id, expected: version, value: null }, ...forgetRegion(documents, id));
  }
  return writes;
}

function nodesReplaced(
  documents: DocumentCache,
  nodes: ReadonlyMap<string, NewNode>,
  now: string,
): { readonly gone: string[]; readonly writes: Write[] } {
  const writes: Write[] = [];
  for (const [id, wanted] of nodes) {
    const known = documents.get('node', id);
    const value: NodeRecord = continued(newRecord(wanted, now), known?.value);
    if (known && value === known.value) continue;
    writes.push({ kind: 'node', id, expected: known?.version ?? 0, value });
    if (known?.value.region_id !== value.region_id) writes.push(...forgetNode(documents, id));
  }
  const gone: string[] = [];
  for (const [id, { version }] of documents.all('node')) {
    if (nodes.has(id)) continue;
    gone.push(id);
    writes.push({ kind: 'node', id, expected: version, value: null }, ...forgetNode(documents, id));
  }
  return { gone, writes };
}

function newRecord(node: NewNode, now: string): NodeRecord {
  return { ...node, created_at: now, updated_at: now };
}

/** The wanted record as the successor of the known one: as it is where nothing is new. */
function continued<Value extends RegionRecord | NodeRecord>(wanted: Value, known: Value | undefined): Value {
  if (!known) return wanted;
  const { created_at, updated_at } = known;
  const same = isDeepStrictEqual({ ...wanted, created_at, updated_at }, known);
  return same ? known : { ...wanted, created_at };
}

const faultsMax = 20;

function faultsOf({
  active_region: active,
  regions,
  nodes,
}: GeoDocument): { pointer: string; detail: string }[] {
  const faults: { pointer: string; detail: string }[] = [];
  const add = (path: PropertyKey[], detail: string) => faults.push({ pointer: pointer(path), detail });
  const regionIds = new Set<string>();
  for (const [index, { region_id: id }] of regions.entries()) {
    if (regionIds.has(id)) add(['regions', index, 'region_id'], `stands in the document twice: ${id}`);
    regionIds.add(id);
  }
  const nodeIds = new Set<string>();
  for (const [index, { node_id: id, region_id: region }] of nodes.entries()) {
    if (nodeIds.has(id)) add(['nodes', index, 'node_id'], `stands in the document twice: ${id}`);
    nodeIds.add(id);
    if (!regionIds.has(region)) add(['nodes', index, 'region_id'], `is no region of the document: ${region}`);
  }
  if (!regionIds.has(active)) add(['active_region'], `is no region of the document: ${active}`);
  return faults.slice(0, faultsMax);
}
