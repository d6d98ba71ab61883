import { z } from 'zod';
import type { HttpComponents } from '../components.ts';
import type { App } from '../server.ts';

const tags = ['health'];
const checkSchema = z.object({ ok: z.boolean(), detail: z.string() });
const readySchema = z
  .object({
    status: z.enum(['ready', 'not_ready']),
    checks: z.object({
      store: checkSchema,
      regions: checkSchema,
      bus: checkSchema,
      results: checkSchema,
      pools: checkSchema,
    }),
  })
  .meta({ id: 'Readiness' });

/** `/healthz`: this process answers. `/readyz`: so does every dependency, and somebody can run tasks. */
export function healthRoutes(app: App, components: HttpComponents): void {
  const { store, documents, bus, results, fleet, metrics } = components;

  app.get(
    '/healthz',
    { schema: { tags, response: { 200: z.object({ status: z.literal('ok') }) } } },
    async () => ({ status: 'ok' as const }),
  );

  app.get(
    '/readyz',
    { schema: { tags, response: { 200: readySchema, 503: readySchema } } },
    async (_, reply) => {
      const pools = fleet.view.pools.size;
      const checks = {
        store: { ok: store.status === 'connected', detail: store.status },
        regions: { ok: documents.loaded, detail: documents.loaded ? 'read' : 'not read from the store yet' },
        bus: { ok: bus.status === 'connected', detail: bus.status },
        results: { ok: results.status === 'connected', detail: results.status },
        pools: { ok: pools > 0, detail: pools === 0 ? 'no WEE has announced a pool' : `${pools} pools` },
      };
      const ready = Object.values(checks).every(({ ok }) => ok);
      return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not_ready', checks });
    },
  );

  app.get('/metrics', { schema: { hide: true } }, async (_, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  );
}
