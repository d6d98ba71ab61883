import { geoStatusSchema, newRegionSchema, regionPatchSchema, regionSchema } from '@tenma/protocol';
import { z } from 'zod';
import { createRegion, deleteRegion, updateRegion } from '../../geo/regions.ts';
import { unknownRegion } from '../../geo/known-regions.ts';
import { regionView, regionViews, statusView } from '../../geo/view.ts';
import type { RouteComponents } from '../components.ts';
import type { App } from '../server.ts';
import { ProblemError } from '../problem-reply.ts';
import { deleted, granted, onceRead, problems, refused } from '../registry-answers.ts';

const tags = ['geo'];
/** Any text: what is no region id names no region, and gets the same 404. */
const params = z.object({ region_id: z.string() });

/** Regions: what their owner says of them, and how they fare. */
export function geoRegionRoutes(app: App, components: RouteComponents): void {
  const { documents } = components;
  const onRequest = onceRead(components);

  app.get(
    '/api/geo/status',
    {
      onRequest,
      schema: { tags, summary: 'All regions in short', response: { 200: geoStatusSchema, ...problems } },
    },
    async () => {
      const status = statusView(documents);
      if (!status) throw new ProblemError('store_unavailable', { detail: 'no region is active yet' });
      return status;
    },
  );

  app.get(
    '/api/geo/regions',
    {
      onRequest,
      schema: {
        tags,
        summary: 'List regions by priority',
        response: { 200: z.object({ regions: z.array(regionSchema) }), ...problems },
      },
    },
    async () => ({ regions: regionViews(documents) }),
  );

  app.get(
    '/api/geo/regions/:region_id',
    {
      onRequest,
      schema: { tags, summary: 'Get a region', params, response: { 200: regionSchema, ...problems } },
    },
    async (request) => {
      const { region_id: id } = request.params;
      const region = documents.get('region', id)?.value;
      if (!region) throw refused(unknownRegion(documents, id));
      return regionView(documents, region);
    },
  );

  changeRoutes(app, components);
}

function changeRoutes(app: App, components: RouteComponents): void {
  const { documents } = components;
  const onRequest = onceRead(components);

  app.post(
    '/api/geo/regions',
    {
      onRequest,
      schema: {
        tags,
        summary: 'Register a region',
        body: newRegionSchema,
        response: { 201: regionSchema, ...problems },
      },
    },
    async (request, reply) => {
      const region = granted(await createRegion(components, request.body));
      void reply.header('location', `/api/geo/regions/${region.region_id}`);
      return reply.code(201).send(regionView(documents, region));
    },
  );

  app.patch(
    '/api/geo/regions/:region_id',
    {
      onRequest,
      schema: {
        tags,
        summary: 'Change a region, or set it into maintenance',
        params,
        body: regionPatchSchema,
        response: { 200: regionSchema, ...problems },
      },
    },
    async ({ params: { region_id: id }, body }) =>
      regionView(documents, granted(await updateRegion(components, id, body))),
  );

  app.delete(
    '/api/geo/regions/:region_id',
    {
      onRequest,
      schema: {
        tags,
        summary: 'Delete a region; refused while it has nodes or is the active one',
        params,
        response: { 204: deleted, ...problems },
      },
    },
    async (request, reply) => {
      granted(await deleteRegion(components, request.params.region_id));
      return reply.code(204).send(null);
    },
  );
}
