import { z } from 'zod';
import { idSchema, jsonSchema, timestampSchema } from './ids.ts';
import { labelsSchema } from './task.ts';

/** States of a region, and of a node, which is never `degraded`. */
export const regionStatuses = ['online', 'offline', 'degraded', 'maintenance', 'unknown'] as const;
export const regionStatusSchema = z.enum(regionStatuses).meta({ id: 'RegionStatus' });
export type RegionStatus = z.infer<typeof regionStatusSchema>;

export const nodeStatuses = ['online', 'offline', 'maintenance', 'unknown'] as const;
export const nodeStatusSchema = z.enum(nodeStatuses).meta({ id: 'NodeStatus' });
export type NodeStatus = z.infer<typeof nodeStatusSchema>;

export const nodeTypes = ['general', 'gpu', 'scheduler', 'storage'] as const;
export const nodeTypeSchema = z.enum(nodeTypes).meta({ id: 'NodeType' });
export type NodeType = z.infer<typeof nodeTypeSchema>;

export const locationSchema = z
  .strictObject({
    lat: z.number().min(-90).max(90).describe('Degrees north.'),
    lon: z.number().min(-180).max(180).describe('Degrees east.'),
  })
  .meta({ id: 'Location' });
export type Location = z.infer<typeof locationSchema>;

/** Names that a submission may use instead of a region's id, so no region can have them. */
const takenNames: readonly string[] = ['active', 'any', 'none'];
export const regionIdSchema = idSchema.refine((id) => !takenNames.includes(id), {
  error: `is none of ${takenNames.join(', ')}, which mean something else`,
});

const name = z.string().trim().min(1).max(120);
const prioritySchema = z.int().min(1).max(1_000).describe('1 is preferred when a target is chosen.');

/** Body of `POST /api/geo/regions`. */
export const newRegionSchema = z
  .strictObject({
    region_id: regionIdSchema,
    display_name: name.optional().describe('Default: the id.'),
    provider: name.default('custom'),
    location: locationSchema,
    priority: prioritySchema.default(100),
    maintenance: z
      .boolean()
      .default(false)
      .describe('Set by hand: neither probed into a verdict nor a target.'),
  })
  .meta({ id: 'NewRegion' });
export type NewRegion = z.infer<typeof newRegionSchema>;

/** Body of `PATCH /api/geo/regions/{region_id}`: what is left out stays. */
export const regionPatchSchema = z
  .strictObject({
    display_name: name.optional(),
    provider: name.optional(),
    location: locationSchema.optional(),
    priority: prioritySchema.optional(),
    maintenance: z.boolean().optional(),
  })
  .meta({ id: 'RegionPatch' });
export type RegionPatch = z.infer<typeof regionPatchSchema>;

/** What is written down of a region: what its owner says of it. How it fares is a {@link Verdict}. */
export const regionRecordSchema = newRegionSchema
  .required()
  .extend({ created_at: timestampSchema, updated_at: timestampSchema });
export type RegionRecord = z.infer<typeof regionRecordSchema>;

/** A region as the API shows it. */
export const regionSchema = regionRecordSchema
  .extend({
    status: regionStatusSchema,
    status_reason: z.string().nullable(),
    status_since: timestampSchema,
    active: z.boolean(),
    node_count: z.int(),
    quarantined: z
      .boolean()
      .describe('It flaps: no target of an automatic failover until it has been steady.'),
  })
  .meta({ id: 'Region' });
export type Region = z.infer<typeof regionSchema>;

const hostPort = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?):(\d{1,5})$/;

/** `host:port`, `[v6]:port`, or a whole `http(s)://` URL. */
export function isEndpoint(text: string): boolean {
  if (/^https?:\/\//i.test(text)) return URL.canParse(text);
  const port = Number(hostPort.exec(text)?.[1] ?? 0);
  return port >= 1 && port <= 65_535 && URL.canParse(`http://${text}/`);
}
export const endpointSchema = z
  .string()
  .max(2_000)
  .refine(isEndpoint, 'must be host:port, [address]:port or an http(s) URL')
  .meta({ id: 'Endpoint', examples: ['127.0.0.1:8000'] });

/** How a node is probed. What is left out comes from its type and from the pace of the region. */
export const nodeProbeSchema = z
  .strictObject({
    type: idSchema.optional().describe('Task type whose output has `verdict`: `up` or `down`.'),
    input: z
      .record(z.string(), jsonSchema)
      .optional()
      .describe('Input of the probe; default made of the endpoint.'),
    interval_ms: z.int().min(200).max(86_400_000).optional(),
    enabled: z.boolean().optional().describe('Default true; without probes a node is `unknown`.'),
  })
  .meta({ id: 'NodeProbe' });
export type NodeProbe = z.infer<typeof nodeProbeSchema>;

/** Body of `POST /api/geo/nodes`. */
export const newNodeSchema = z
  .strictObject({
    node_id: idSchema,
    region_id: idSchema,
    endpoint: endpointSchema,
    node_type: nodeTypeSchema.default('general'),
    labels: labelsSchema.default({}),
    probe: nodeProbeSchema.default({}),
  })
  .meta({ id: 'NewNode' });
export type NewNode = z.infer<typeof newNodeSchema>;

/** Body of `PATCH /api/geo/nodes/{node_id}`. */
export const nodePatchSchema = z
  .strictObject({
    endpoint: endpointSchema.optional(),
    node_type: nodeTypeSchema.optional(),
    labels: labelsSchema.optional(),
    probe: nodeProbeSchema.optional(),
  })
  .meta({ id: 'NodePatch' });
export type NodePatch = z.infer<typeof nodePatchSchema>;

export const nodeRecordSchema = newNodeSchema
  .required()
  .extend({ created_at: timestampSchema, updated_at: timestampSchema });
export type NodeRecord = z.infer<typeof nodeRecordSchema>;

/** What one observer, the workers of a region, makes of a node. */
export const opinionSchema = z
  .object({
    observer: idSchema.describe('The region that looks.'),
    sees: z
      .enum(['up', 'down', 'nothing', 'abstains'])
      .describe('`nothing`: no fresh answer; `abstains`: it sees everything down and suspects itself.'),
    failures: z.int().describe('In a row, when this was written down.'),
    at: timestampSchema
      .nullable()
      .describe('Of its last answer then; written anew when what an observer sees changes.'),
    reason: z.string().nullable(),
  })
  .meta({ id: 'Opinion' });
export type Opinion = z.infer<typeof opinionSchema>;

/** A node as the API shows it. */
export const nodeSchema = nodeRecordSchema
  .extend({
    status: nodeStatusSchema,
    status_reason: z.string().nullable(),
    status_since: timestampSchema,
    quarantined: z.boolean(),
    observers: z.array(opinionSchema),
  })
  .meta({ id: 'Node' });
export type Node = z.infer<typeof nodeSchema>;

/** How a region or node fares, as it is written down whenever it changes. */
export const verdictSchema = z.object({
  status: regionStatusSchema,
  reason: z.string().nullable(),
  since: timestampSchema,
  quarantined: z.boolean(),
  observers: z.array(opinionSchema).describe('Of a node at the change; empty for a region.'),
});
export type Verdict = z.infer<typeof verdictSchema>;

/** Where `active` points. The epoch grows by one with every switch; who holds a lower one is out of date. */
export const activeRegionSchema = z
  .object({
    active_region: idSchema,
    region_id: idSchema.describe('The same.'),
    epoch: z.int().positive(),
    since: timestampSchema,
  })
  .meta({ id: 'ActiveRegion' });
export type ActiveRegion = z.infer<typeof activeRegionSchema>;

/** Answer of `GET /api/geo/status`. */
export const geoStatusSchema = z
  .object({
    active_region: idSchema,
    epoch: z.int(),
    total_regions: z.int(),
    total_nodes: z.int(),
    online_regions: z.int(),
    online_nodes: z.int(),
    auto_failover: z.boolean(),
    regions: z.record(
      z.string(),
      z.object({ status: regionStatusSchema, node_count: z.int(), online_nodes: z.int(), priority: z.int() }),
    ),
  })
  .meta({ id: 'GeoStatus' });
export type GeoStatus = z.infer<typeof geoStatusSchema>;

/** `GET /api/geo/export` and the body of `POST /api/geo/import`: what the owner has said, in one document. */
export const geoDocumentSchema = z
  .strictObject({
    version: z.literal(1),
    active_region: idSchema,
    regions: z.array(newRegionSchema).max(2_000),
    nodes: z.array(newNodeSchema).max(50_000),
  })
  .meta({ id: 'GeoDocument' });
export type GeoDocument = z.infer<typeof geoDocumentSchema>;
