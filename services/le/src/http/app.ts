import fastifySwagger from '@fastify/swagger';
import fastifySwaggerUi from '@fastify/swagger-ui';
import type { Bus } from '@tenma/bus';
import type { Results } from '@tenma/results';
import type { Clock, Log } from '@tenma/runtime';
import type { Store } from '@tenma/store';
import { fastify } from 'fastify';
import { jsonSchemaTransform, validatorCompiler } from 'fastify-type-provider-zod';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Dispatcher } from '../dispatcher.ts';
import type { FleetWatch } from '../fleet-watch.ts';
import type { Intake } from '../intake.ts';
import type { Ledger } from '../ledger.ts';
import type { Metrics } from '../metrics.ts';
import type { OutboxGauge } from '../outbox-gauge.ts';
import type { TaskTypes } from '../task-types.ts';
import type { TaskWatch } from '../watch.ts';
import { closingOf } from './closing.ts';
import { readJsonBodies } from './json-body.ts';
import { documentOf } from './openapi-document.ts';
import { answerWithProblems } from './problem-reply.ts';
import { fleetRoutes } from './routes/fleet.ts';
import { healthRoutes } from './routes/health.ts';
import { taskRoutes } from './routes/tasks.ts';

export interface HttpComponents {
  readonly store: Store;
  readonly bus: Bus;
  readonly results: Results;
  readonly ledger: Ledger;
  readonly intake: Intake;
  readonly dispatcher: Dispatcher;
  readonly types: TaskTypes;
  readonly fleet: FleetWatch;
  readonly watch: TaskWatch;
  readonly outbox: OutboxGauge;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Log;
  readonly leId: string;
}

/** What the routes have to work with. */
export interface RouteComponents extends HttpComponents {
  /** Aborted when the app closes: no answer may hold that up. */
  readonly closing: AbortSignal;
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
  taskRoutes(app, { ...components, closing: closingOf(app, components.clock) });
  fleetRoutes(app, components);
  healthRoutes(app, components);
  await app.ready();
  return app;
}
