import {
  activeRegionSchema,
  type FailoverEvent,
  failoverEventSchema,
  failoverRequestSchema,
  failoverResponseSchema,
  idSchema,
} from '@tenma/protocol';
import { z } from 'zod';
import type { DocumentCache } from '../../documents/document-cache.ts';
import { activeRegion } from '../../geo/view.ts';
import type { RouteComponents } from '../components.ts';
import type { App } from '../server.ts';
import { ProblemError } from '../problem-reply.ts';
import { onceRead, problems, refused } from '../registry-answers.ts';

const tags = ['geo'];

/** Where `active` points, how it is moved, and how it was moved before. */
export function geoFailoverRoutes(app: App, components: RouteComponents): void {
  const { documents, failover } = components;
  const onRequest = onceRead(components);

  app.post(
    '/api/geo/failover',
    {
      onRequest,
      schema: {
        tags,
        summary: 'Fail over by hand; answers when it is done',
        body: failoverRequestSchema,
        response: { 200: failoverResponseSchema, ...problems },
      },
    },
    async (request) => {
      const done = await failover.request(request.body);
      if ('problem' in done) throw refused(done.problem);
      const { event } = done;
      return {
        status: event.dry_run ? ('failover_planned' as const) : ('failover_executed' as const),
        event,
      };
    },
  );

  app.get(
    '/api/geo/failover/history',
    {
      onRequest,
      schema: {
        tags,
        summary: 'Failovers with their evidence, newest first',
        querystring: z.strictObject({ limit: z.coerce.number().int().min(1).max(1_000).default(20) }),
        response: { 200: z.object({ events: z.array(failoverEventSchema) }), ...problems },
      },
    },
    async (request) => ({ events: newestFirst(documents).slice(0, request.query.limit) }),
  );

  app.get(
    '/api/geo/active-region',
    {
      onRequest,
      schema: { tags, summary: 'Where `active` points', response: { 200: activeRegionSchema, ...problems } },
    },
    async () => {
      const active = activeRegion(documents);
      if (!active) throw new ProblemError('store_unavailable', { detail: 'no region is active yet' });
      return active;
    },
  );

  app.put(
    '/api/geo/active-region',
    {
      onRequest,
      schema: {
        tags,
        summary: 'Set the active region by hand, whatever the cool-down',
        body: z.strictObject({ region_id: idSchema }),
        response: { 200: activeRegionSchema, ...problems },
      },
    },
    async (request) => {
      const done = await failover.activate(request.body.region_id);
      if ('problem' in done) throw refused(done.problem);
      return done.active;
    },
  );
}

function newestFirst(documents: DocumentCache): FailoverEvent[] {
  return [...documents.all('failover').values()]
    .map(({ value }) => value)
    .sort((a, b) => Date.parse(b.timestamp) - Date.parse(a.timestamp) || b.epoch - a.epoch);
}
