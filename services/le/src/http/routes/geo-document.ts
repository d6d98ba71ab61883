import { geoDocumentSchema, idSchema } from '@tenma/protocol';
import { z } from 'zod';
import { exportDocument, importDocument } from '../../geo/document.ts';
import type { RouteComponents } from '../components.ts';
import type { App } from '../server.ts';
import { ProblemError } from '../problem-reply.ts';
import { granted, onceRead, problems } from '../registry-answers.ts';

const tags = ['geo'];
const importBytes = 16 * 1024 * 1024;

const importedSchema = z
  .object({ regions: z.int(), nodes: z.int(), active_region: idSchema })
  .meta({ id: 'GeoImported' });

/** Regions and nodes as one document. */
export function geoDocumentRoutes(app: App, components: RouteComponents): void {
  const { documents } = components;
  const onRequest = onceRead(components);

  app.get(
    '/api/geo/export',
    {
      onRequest,
      schema: {
        tags,
        summary: 'All regions and nodes as one document',
        response: { 200: geoDocumentSchema, ...problems },
      },
    },
    async () => {
      const document = exportDocument(documents);
      if (!document) throw new ProblemError('store_unavailable', { detail: 'no region is active yet' });
      return document;
    },
  );

  app.post(
    '/api/geo/import',
    {
      onRequest,
      bodyLimit: importBytes,
      schema: {
        tags,
        summary: 'Put the regions and nodes of a document in the place of all there are',
        body: geoDocumentSchema,
        response: { 200: importedSchema, ...problems },
      },
    },
    async (request) => granted(await importDocument(components, request.body)),
  );
}
