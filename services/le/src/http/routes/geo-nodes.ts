import {
  newNodeSchema,
  limits,
  nodePatchSchema,
  nodeSchema,
  nodeStatusSchema,
  type Observation,
  observationSchema,
} from '@tenma/protocol';
import { observationsKept } from '@tenma/store';
import { z } from 'zod';
import { unknownRegion } from '../../geo/known-regions.ts';
import { createNode, deleteNode, unknownNode, updateNode } from '../../geo/nodes.ts';
import { nodeView, nodeViews } from '../../geo/view.ts';
import type { RouteComponents } from '../components.ts';
import type { App } from '../server.ts';
import { deleted, granted, onceRead, problems, refused } from '../registry-answers.ts';

const tags = ['geo'];
/** Any text: what is no node id names no node, and gets the same 404. */
const params = z.object({ node_id: z.string() });

/** Nodes: where they are, how they are probed, and how they fare. */
export function geoNodeRoutes(app: App, components: RouteComponents): void {
  readRoutes(app, components);
  changeRoutes(app, components);
}

function readRoutes(app: App, components: RouteComponents): void {
  const { documents, store } = components;
  const onRequest = onceRead(components);

  app.get(
    '/api/geo/nodes',
    {
      onRequest,
      schema: {
        tags,
        summary: 'List nodes by id',
        querystring: z.strictObject({
          region_id: z.string().optional(),
          status: nodeStatusSchema.optional(),
          limit: z.coerce.number().int().min(1).max(50_000).default(50_000),
        }),
        response: { 200: z.object({ nodes: z.array(nodeSchema) }), ...problems },
      },
    },
    async (request) => {
      const { region_id: region, status, limit } = request.query;
      if (region !== undefined && !documents.get('region', region)) {
        throw refused(unknownRegion(documents, region));
      }
      const nodes = nodeViews(documents, region);
      const wanted = status === undefined ? nodes : nodes.filter((node) => node.status === status);
      return { nodes: wanted.slice(0, limit) };
    },
  );

  app.get(
    '/api/geo/nodes/:node_id',
    {
      onRequest,
      schema: { tags, summary: 'Get a node', params, response: { 200: nodeSchema, ...problems } },
    },
    async (request) => {
      const { node_id: id } = request.params;
      const node = documents.get('node', id)?.value;
      if (!node) throw refused(unknownNode(id));
      return nodeView(documents, node);
    },
  );

  app.get(
    '/api/geo/nodes/:node_id/results',
    {
      onRequest,
      schema: {
        tags,
        summary: 'The last probes of a node, newest first',
        params,
        querystring: z.strictObject({
          limit: z.coerce.number().int().min(1).max(observationsKept).default(observationsKept),
        }),
        response: { 200: z.object({ results: z.array(observationSchema) }), ...problems },
      },
    },
    async (request) => {
      const { node_id: id } = request.params;
      if (!documents.get('node', id)) throw refused(unknownNode(id));
      const rows = await store.observations(id, request.query.limit);
      return { results: rows.map(({ value }) => value as unknown as Observation) };
    },
  );
}

function changeRoutes(app: App, components: RouteComponents): void {
  const { documents } = components;
  const onRequest = onceRead(components);
  const bodyLimit = limits.taskBytes;

  app.post(
    '/api/geo/nodes',
    {
      onRequest,
      bodyLimit,
      schema: {
        tags,
        summary: 'Register a node in a region',
        body: newNodeSchema,
        response: { 201: nodeSchema, ...problems },
      },
    },
    async (request, reply) => {
      const node = granted(await createNode(components, request.body));
      void reply.header('location', `/api/geo/nodes/${node.node_id}`);
      return reply.code(201).send(nodeView(documents, node));
    },
  );

  app.patch(
    '/api/geo/nodes/:node_id',
    {
      onRequest,
      bodyLimit,
      schema: {
        tags,
        summary: 'Change a node',
        params,
        body: nodePatchSchema,
        response: { 200: nodeSchema, ...problems },
      },
    },
    async ({ params: { node_id: id }, body }) =>
      nodeView(documents, granted(await updateNode(components, id, body))),
  );

  app.delete(
    '/api/geo/nodes/:node_id',
    {
      onRequest,
      schema: {
        tags,
        summary: 'Delete a node with its results',
        params,
        response: { 204: deleted, ...problems },
      },
    },
    async (request, reply) => {
      granted(await deleteNode(components, request.params.node_id));
      return reply.code(204).send(null);
    },
  );
}
