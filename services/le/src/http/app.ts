import fastifySwaggerUi from '@fastify/swagger-ui';
import { takeTurns } from '../documents/change-documents.ts';
import { closingOf } from './closing.ts';
import type { HttpComponents, RouteComponents } from './components.ts';
import { explanationRoutes } from './routes/explanation.ts';
import { blobRoutes } from './routes/blobs.ts';
import { fleetRoutes } from './routes/fleet.ts';
import { geoDocumentRoutes } from './routes/geo-document.ts';
import { geoFailoverRoutes } from './routes/geo-failover.ts';
import { geoLatencyRoutes } from './routes/geo-latency.ts';
import { geoNodeRoutes } from './routes/geo-nodes.ts';
import { geoRegionRoutes } from './routes/geo-regions.ts';
import { healthRoutes } from './routes/health.ts';
import { policyRoutes } from './routes/policies.ts';
import { releaseRoutes } from './routes/releases.ts';
import { scheduleRoutes } from './routes/schedules.ts';
import { taskTypeRoutes } from './routes/task-types.ts';
import { taskRoutes } from './routes/tasks.ts';
import { type App, createServer } from './server.ts';

/** The HTTP API with its documentation; not listening yet. */
export async function buildApp(components: HttpComponents): Promise<App> {
  const app = await createServer(components.log);
  await app.register(fastifySwaggerUi, { routePrefix: '/docs' });
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
  const forRoutes: RouteComponents = {
    ...components,
    closing: closingOf(app, components.clock),
    inTurn: takeTurns(),
  };
  taskRoutes(app, forRoutes);
  explanationRoutes(app, forRoutes);
  taskTypeRoutes(app, forRoutes);
  fleetRoutes(app, components);
  geoRegionRoutes(app, forRoutes);
  geoNodeRoutes(app, forRoutes);
  geoFailoverRoutes(app, forRoutes);
  geoLatencyRoutes(app, forRoutes);
  geoDocumentRoutes(app, forRoutes);
  scheduleRoutes(app, forRoutes);
  policyRoutes(app, forRoutes);
  releaseRoutes(app, forRoutes);
  blobRoutes(app, forRoutes);
  healthRoutes(app, components);
  await app.ready();
  return app;
}
