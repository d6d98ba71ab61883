import fastifySwagger from '@fastify/swagger';
import fastifySwaggerUi from '@fastify/swagger-ui';
import type { Bus } from '@tenma/bus';
import type { Results } from '@tenma/results';
import type { Clock, Log } from '@tenma/runtime';
import type { Store } from '@tenma/store';
import { fastify } from 'fastify';
import { jsonSchemaTransform, validatorCompiler } from 'fastify-type-provider-zod';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { FailoverControl } from '../control/failover.ts';
import { type InTurn, takeTurns } from '../documents/change-documents.ts';
import type { DocumentCache } from '../documents/document-cache.ts';
import type { GeoSettings } from '../geo/settings.ts';
import type { Metrics } from '../metrics.ts';
import type { TaskFlow } from '../task-flow.ts';
import { closingOf } from './closing.ts';
import { readJsonBodies } from './json-body.ts';
import { documentOf } from './openapi-document.ts';
import { answerWithProblems } from './problem-reply.ts';
import { fleetRoutes } from './routes/fleet.ts';
import { geoDocumentRoutes } from './routes/geo-document.ts';
import { geoFailoverRoutes } from './routes/geo-failover.ts';
import { geoLatencyRoutes } from './routes/geo-latency.ts';
import { geoNodeRoutes } from './routes/geo-nodes.ts';
import { geoRegionRoutes } from './routes/geo-regions.ts';
import { healthRoutes } from './routes/health.ts';
import { policyRoutes } from './routes/policies.ts';
import { scheduleRoutes } from './routes/schedules.ts';
import { taskRoutes } from './routes/tasks.ts';

export interface HttpComponents extends Omit<TaskFlow, 'mover' | typeof Symbol.asyncDispose> {
  readonly store: Store;
  readonly bus: Bus;
  readonly results: Results;
  readonly metrics: Metrics;
  readonly documents: DocumentCache;
  readonly failover: FailoverControl;
  readonly settings: GeoSettings;
  readonly clock: Clock;
  readonly log: Log;
  readonly leId: string;
}

/** What the routes have to work with. */
export interface RouteComponents extends HttpComponents {
  /** Aborted when the app closes: no answer may hold that up. */
  readonly closing: AbortSignal;
  /** Changes of regions and nodes, one after the other. */
  readonly inTurn: InTurn;
}

export type App = Awaited<ReturnType<typeof createApp>>;

async function createApp(log: Log) {
  const app = fastify({
    logger: false,
    return503OnClosing: true,
    forceCloseConnections: 'idle',
    keepAliveTimeout: 60_000,
    routerOptions: { ignoreTrailingSlash: true },
  }).withTypeProvider<ZodTypeProvider>();
  // Only JSON: a body that a form could send from another site is refused.
  app.removeContentTypeParser('text/plain');
  readJsonBodies(app as never);
  app.setValidatorCompiler(validatorCompiler);
  // What handlers return is typed by the same schemas: it is not parsed once more on the way out.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  answerWithProblems(app as never, log);
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Tenma',
        version: '1',
        description: 'Submit operations tasks, follow them, look after the fleet.',
      },
    },
    transform: jsonSchemaTransform,
    transformObject: documentOf,
  });
  return app;
}

/** The HTTP API with its documentation; not listening yet. */
export async function buildApp(components: HttpComponents): Promise<App> {
  const app = await createApp(components.log);
  await app.register(fastifySwaggerUi, { routePrefix: '/docs' });
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
  const forRoutes = { ...components, closing: closingOf(app, components.clock), inTurn: takeTurns() };
  taskRoutes(app, forRoutes);
  fleetRoutes(app, components);
  geoRegionRoutes(app, forRoutes);
  geoNodeRoutes(app, forRoutes);
  geoFailoverRoutes(app, forRoutes);
  geoLatencyRoutes(app, forRoutes);
  geoDocumentRoutes(app, forRoutes);
  scheduleRoutes(app, forRoutes);
  policyRoutes(app, forRoutes);
  healthRoutes(app, components);
  await app.ready();
  return app;
}
