import { isDeepStrictEqual } from 'node:util';
import {
  type GeoDocument,
  type NewNode,
  type NewRegion,
  type NodeRecord,
  pointer,
  problem,
  type RegionRecord,
  timestamp,
} from '@tenma/protocol';
import type { Log } from '@tenma/runtime';
import type { Store } from '@tenma/store';
import type { FailoverControl } from '../control/failover.ts';
import { type Answer, changeDocuments, type Plan } from '../documents/change-documents.ts';
import type { DocumentCache, Write } from '../documents/document-cache.ts';
import { forgetNode, forgetResults } from './nodes.ts';
import { activeStays, deleteRegion, forgetRegion, regionRecord, type RegistryComponents } from './regions.ts';
import { activeRegion, regionsInOrder } from './view.ts';

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
  readonly failover: Pick<FailoverControl, 'activate'>;
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
 * Puts the regions and nodes of the document in the place of those there are, in one write; then makes its active region
 * the active one. A region that is active until then and not in the document goes last. Task types of probes are not
 * looked up: the workers that know them may not be there yet.
 * @throws StoreUnavailableError
 */
export async function importDocument(
  components: ImportComponents,
  document: GeoDocument,
): Promise<Answer<Imported>> {
  const errors = faultsOf(document);
  if (errors.length > 0) return { problem: problem('invalid_request', { errors }) };
  const { documents, clock, failover, inTurn } = components;
  const now = timestamp(clock.now());
  const replaced = await inTurn(() =>
    changeDocuments(documents, () => replacement(documents, document, now)),
  );
  if ('problem' in replaced) return replaced;
  const { goneNodes, leftActive } = replaced.value;
  await forgetResults(components, goneNodes);
  const switched = await failover.activate(document.active_region);
  if ('problem' in switched) return switched;
  if (leftActive !== null) {
    const deleted = await deleteRegion(components, leftActive);
    if ('problem' in deleted) return deleted;
  }
  return {
    value: {
      regions: document.regions.length,
      nodes: document.nodes.length,
      active_region: switched.active.region_id,
    },
  };
}

interface Replaced {
  readonly goneNodes: readonly string[];
  /** The active region, if the document does not have it: it can go only when another one is active. */
  readonly leftActive: string | null;
}

/** Every region is written, changed or not: so nothing can be added to one, or take one away, at the same moment. */
function replacement(documents: DocumentCache, document: GeoDocument, now: string): Plan<Replaced> {
  const active = activeRegion(documents)?.region_id;
  const regions = new Map(document.regions.map((region) => [region.region_id, regionRecord(region, now)]));
  const nodes = new Map(document.nodes.map((node) => [node.node_id, newRecord(node, now)]));
  const writes: Write[] = [];
  for (const [id, wanted] of regions) {
    const known = documents.get('region', id);
    const value: RegionRecord = continued(wanted, known?.value);
    writes.push({ kind: 'region', id, expected: known?.version ?? 0, value });
    if (!known) writes.push(...forgetRegion(documents, id));
  }
  let leftActive: string | null = null;
  for (const [id, { version, value }] of documents.all('region')) {
    if (regions.has(id)) continue;
    if (id === active) {
      leftActive = id;
      writes.push({ kind: 'region', id, expected: version, value });
    } else {
      writes.push({ kind: 'region', id, expected: version, value: null }, ...forgetRegion(documents, id));
    }
  }
  for (const [id, wanted] of nodes) {
    const known = documents.get('node', id);
    const value: NodeRecord = continued(wanted, known?.value);
    if (known && value === known.value) continue;
    writes.push({ kind: 'node', id, expected: known?.version ?? 0, value });
    if (known?.value.region_id !== value.region_id) writes.push(...forgetNode(documents, id));
  }
  const goneNodes: string[] = [];
  for (const [id, { version }] of documents.all('node')) {
    if (nodes.has(id)) continue;
    goneNodes.push(id);
    writes.push({ kind: 'node', id, expected: version, value: null }, ...forgetNode(documents, id));
  }
  return { value: { goneNodes, leftActive }, writes: [...writes, ...activeStays(documents)] };
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
