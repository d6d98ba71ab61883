import {
  activeRegionSchema,
  type ActiveRegion,
  type FailoverEvent,
  failoverEventSchema,
  type failoverRequestSchema,
  type FailoverResponse,
  failoverResponseSchema,
  type GeoDocument,
  geoDocumentSchema,
  type GeoStatus,
  geoStatusSchema,
  type LatencyLayer,
  type LatencyMatrix,
  latencyMatrixSchema,
  type newNodeSchema,
  type newRegionSchema,
  type Node,
  type NodePatch,
  nodeSchema,
  type NodeStatus,
  type Observation,
  observationSchema,
  type Region,
  type RegionPatch,
  regionSchema,
  type ReplicationGroup,
  replicationGroupSchema,
} from '@tenma/protocol';
import { z } from 'zod';
import { type Collection, createCollection, createRest } from './rest.ts';
import type { CallOptions } from './task-handle.ts';
import type { Transport } from './transport.ts';

/** What a caller writes: defaults may be left out. */
export type NewRegionInput = z.input<typeof newRegionSchema>;
export type NewNodeInput = z.input<typeof newNodeSchema>;
export type FailoverOrder = z.input<typeof failoverRequestSchema>;
export type GeoImport = z.input<typeof geoDocumentSchema>;

/** All conditions hold for a node that is listed. */
export interface NodeFilter {
  region_id?: string;
  status?: NodeStatus;
}

export interface LatencyQuery {
  /** Default `effective`: the best that is known of each pair. */
  layer?: LatencyLayer;
  /** Rows of these regions only. */
  from?: readonly string[];
  /** Whether `cells` says where each number comes from. Default: up to 100 regions, and with `from`. */
  cells?: boolean;
}

// Where a shape is strict for its owner's input, an answer of a newer LE may still say more.
const regionReader = regionSchema.strip();
const nodeReader = nodeSchema.strip();
const regionsReader = z.object({ regions: z.array(regionReader) }).transform(({ regions }) => regions);
const nodesReader = z.object({ nodes: z.array(nodeReader) }).transform(({ nodes }) => nodes);
const resultsReader = z.object({ results: z.array(observationSchema) }).transform(({ results }) => results);
const eventsReader = z.object({ events: z.array(failoverEventSchema) }).transform(({ events }) => events);
const documentReader = geoDocumentSchema.strip();
const importedReader = z.object({ regions: z.int(), nodes: z.int(), active_region: z.string() });

/** How many there are after an import. */
export type GeoImported = z.infer<typeof importedReader>;

/**
 * The registry of regions and nodes, latency and failover. What moves `active` is sent once, whatever becomes of the
 * answer; see {@link GeoCalls.triggerFailover}. All else is repeated as {@link Collection} says.
 */
export interface GeoCalls {
  status(options?: CallOptions): Promise<GeoStatus>;
  addRegion(region: NewRegionInput, options?: CallOptions): Promise<Region>;
  getRegion(id: string, options?: CallOptions): Promise<Region>;
  updateRegion(id: string, patch: RegionPatch, options?: CallOptions): Promise<Region>;
  /** @throws RequestError `region_in_use` while it has nodes or is the active one */
  removeRegion(id: string, options?: CallOptions): Promise<void>;
  listRegions(options?: CallOptions): Promise<Region[]>;
  registerNode(node: NewNodeInput, options?: CallOptions): Promise<Node>;
  getNode(id: string, options?: CallOptions): Promise<Node>;
  updateNode(id: string, patch: NodePatch, options?: CallOptions): Promise<Node>;
  deregisterNode(id: string, options?: CallOptions): Promise<void>;
  /** By id. `limit`: 1 to 50,000; all unless given. */
  listNodes(options?: CallOptions & NodeFilter & { limit?: number }): Promise<Node[]>;
  /** What its observers saw lately, newest first. */
  nodeResults(id: string, options?: CallOptions & { limit?: number }): Promise<Observation[]>;
  getActiveRegion(options?: CallOptions): Promise<ActiveRegion>;
  /** Whatever the cool-down. @throws RequestError `failover_refused` for a region that is offline or in maintenance */
  setActiveRegion(id: string, options?: CallOptions): Promise<ActiveRegion>;
  /**
   * Answers when it is done. Sent once, unless it is a dry run: after a lost answer, and after a 503 from a commit whose
   * answer was lost, it may have been made, and sending it again might undo a switch that came in between.
   * `failoverHistory` tells.
   */
  triggerFailover(order: FailoverOrder, options?: CallOptions): Promise<FailoverResponse>;
  /** Newest first. `limit`: 20 unless given. */
  failoverHistory(options?: CallOptions & { limit?: number }): Promise<FailoverEvent[]>;
  /** Round trips in ms. */
  getLatencyMatrix(options?: CallOptions & LatencyQuery): Promise<LatencyMatrix>;
  /** The regions nearest to one. `size`: how many; default: the setting of LE. */
  getReplicationGroup(id: string, options?: CallOptions & { size?: number }): Promise<ReplicationGroup>;
  exportDocument(options?: CallOptions): Promise<GeoDocument>;
  /** Puts its regions and nodes in the place of all there are, and makes its active region the active one. */
  importDocument(document: GeoImport, options?: CallOptions): Promise<GeoImported>;
}

export function createGeoCalls(transport: Transport): GeoCalls {
  const rest = createRest(transport);
  const regions: Collection<Region, NewRegionInput, RegionPatch> = createCollection(
    rest,
    '/api/geo/regions',
    regionReader,
    regionsReader,
  );
  const nodes: Collection<Node, NewNodeInput, NodePatch> = createCollection(
    rest,
    '/api/geo/nodes',
    nodeReader,
    nodesReader,
  );
  return {
    status: (options) => rest.get('/api/geo/status', geoStatusSchema, options),
    addRegion: regions.create,
    getRegion: regions.get,
    updateRegion: regions.update,
    removeRegion: regions.remove,
    listRegions: (options) => regions.list(options),
    registerNode: nodes.create,
    getNode: nodes.get,
    updateNode: nodes.update,
    deregisterNode: nodes.remove,
    listNodes: ({ region_id, status, limit, ...options } = {}) =>
      nodes.list(options, { region_id, status, limit }),
    nodeResults: (id, { limit, ...options } = {}) =>
      rest.get(`/api/geo/nodes/${encodeURIComponent(id)}/results`, resultsReader, options, { limit }),
    getActiveRegion: (options) => rest.get('/api/geo/active-region', activeRegionSchema, options),
    setActiveRegion: (region_id, options) =>
      rest.send('PUT', '/api/geo/active-region', { region_id }, 'never', activeRegionSchema, options),
    triggerFailover(order, options) {
      const repeat = order.dry_run === true ? 'always' : 'never';
      return rest.send('POST', '/api/geo/failover', order, repeat, failoverResponseSchema, options);
    },
    failoverHistory: ({ limit, ...options } = {}) =>
      rest.get('/api/geo/failover/history', eventsReader, options, { limit }),
    getLatencyMatrix({ layer, from, cells, ...options } = {}) {
      const query = { layer, from: from?.join(','), cells };
      return rest.get('/api/geo/latency-matrix', latencyMatrixSchema, options, query);
    },
    getReplicationGroup(id, { size, ...options } = {}) {
      const path = `/api/geo/replication-group/${encodeURIComponent(id)}`;
      return rest.get(path, replicationGroupSchema, options, { size });
    },
    exportDocument: (options) => rest.get('/api/geo/export', documentReader, options),
    importDocument: (document, options) =>
      rest.send('POST', '/api/geo/import', document, 'never', importedReader, options),
  };
}
