import {
  type ActiveRegion,
  type FailoverEvent,
  type LatencyCell,
  type LatencyLayer,
  newNodeSchema,
  newRegionSchema,
  type Node,
  nodePatchSchema,
  type NodeRecord,
  type Observation,
  problem,
  type Region,
  regionPatchSchema,
  timestamp,
} from '@tenma/protocol';
import type { NewNodeInput, NewRegionInput } from '../geo-calls.ts';
import { createFakeCollection, type FakeCollection } from './fake-collection.ts';
import { born } from './fake-registries.ts';

/** By layer, from and to. */
type Latency = Partial<Record<LatencyLayer, Readonly<Record<string, Readonly<Record<string, LatencyCell>>>>>>;

export interface FakeGeoOptions {
  /** Default: `tokyo`, preferred and active, and `oregon`. */
  regions?: readonly NewRegionInput[];
  nodes?: readonly NewNodeInput[];
  /** What each layer of the matrix knows; nothing by default. */
  latency?: Latency;
}

/** The regions of a fake LE. Nothing is probed: a test says how regions and nodes fare. */
export interface FakeGeo {
  readonly regions: FakeCollection<Region>;
  readonly nodes: FakeCollection<Node>;
  /** By node, newest first. */
  readonly results: Map<string, Observation[]>;
  /** Newest first. */
  readonly events: FailoverEvent[];
  active: ActiveRegion;
  addRegion(region: NewRegionInput): void;
  addNode(node: NewNodeInput): void;
  readonly latency: Latency;
}

const defaultRegions: readonly NewRegionInput[] = [
  { region_id: 'tokyo', display_name: 'Tokyo', location: { lat: 35.68, lon: 139.69 }, priority: 1 },
  { region_id: 'oregon', display_name: 'Oregon', location: { lat: 45.52, lon: -122.68 }, priority: 2 },
];

export function createFakeGeo({
  regions = defaultRegions,
  nodes = [],
  latency = {},
}: FakeGeoOptions): FakeGeo {
  const verdict = { status_reason: null, status_since: timestamp(Date.now()), quarantined: false };
  const makeRegion = (item: NewRegionInput): Region => {
    const { display_name, ...region } = newRegionSchema.parse(item);
    const known = { display_name: display_name ?? region.region_id, node_count: 0, active: false };
    return {
      ...region,
      ...known,
      ...verdict,
      status: region.maintenance ? 'maintenance' : 'online',
      ...born(),
    };
  };
  const makeNode = (item: NewNodeInput): Node => {
    const node: NodeRecord = { ...newNodeSchema.parse(item), ...born() };
    return { ...node, ...verdict, status: 'online', observers: [] };
  };
  const nodesIn = (id: string) => [...geo.nodes.all.values()].filter(({ region_id }) => region_id === id);

  const geo: FakeGeo = {
    results: new Map(),
    events: [],
    active: activeRegion(regions[0]?.region_id ?? 'none', 1),
    regions: createFakeCollection({
      newSchema: newRegionSchema,
      patchSchema: regionPatchSchema,
      idOf: ({ region_id }) => region_id,
      make: makeRegion,
      unknown: 'unknown_region',
      envelope: (items) => ({ regions: items }),
      view: (region) => ({
        ...region,
        status: region.maintenance ? 'maintenance' : region.status,
        active: region.region_id === geo.active.region_id,
        node_count: nodesIn(region.region_id).length,
      }),
      refuseRemoval: ({ region_id }) =>
        nodesIn(region_id).length > 0 || region_id === geo.active.region_id
          ? problem('region_in_use')
          : undefined,
    }),
    nodes: createFakeCollection({
      newSchema: newNodeSchema,
      patchSchema: nodePatchSchema,
      idOf: ({ node_id }) => node_id,
      make: makeNode,
      unknown: 'unknown_node',
      envelope: (items) => ({ nodes: items }),
      fits: (node, query) =>
        (query.get('region_id') ?? node.region_id) === node.region_id &&
        (query.get('status') ?? node.status) === node.status,
      refuseNew: ({ region_id }) => (geo.regions.all.has(region_id) ? undefined : problem('unknown_region')),
    }),
    addRegion: (item) => geo.regions.put(item.region_id, makeRegion(item)),
    addNode: (item) => geo.nodes.put(item.node_id, makeNode(item)),
    latency,
  };
  for (const item of regions) geo.addRegion(item);
  for (const item of nodes) geo.addNode(item);
  return geo;
}

export function activeRegion(id: string, epoch: number): ActiveRegion {
  return { active_region: id, region_id: id, epoch, since: timestamp(Date.now()) };
}
