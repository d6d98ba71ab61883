import { idSchema, presenceSchema } from '@tenma/protocol';
import type { KeyedLanes, Lane, LaneBacklog } from '@tenma/store';
import { z } from 'zod';
import type { HttpComponents } from '../components.ts';
import type { App } from '../server.ts';

const tags = ['fleet'];

const poolSchema = z
  .object({
    region: idSchema,
    pool: idSchema,
    type: idSchema,
    labels: z.array(idSchema),
    slots: z.int(),
    running: z.int(),
    held: z.int().describe('Taken by its WEEs and not started.'),
    queued: z.int().nullable().describe('In its queue; null while the broker does not say.'),
    backlog: z
      .int()
      .describe('Due tasks of its type, in the store, for any region; counted up to 10,000 a lane.'),
    wees: z.array(z.string()),
  })
  .meta({ id: 'Pool' });

/** What runs where: workers, pools. */
export function fleetRoutes(app: App, components: HttpComponents): void {
  const { fleet } = components;

  app.get(
    '/api/v1/workers',
    {
      schema: {
        tags,
        summary: 'WEEs by presence',
        response: { 200: z.object({ items: z.array(presenceSchema) }) },
      },
    },
    async () => ({ items: [...fleet.view.wees.values()].map(({ presence }) => presence) }),
  );

  app.get(
    '/api/v1/pools',
    {
      schema: {
        tags,
        summary: 'Pools with their load and backlog',
        response: { 200: z.object({ items: z.array(poolSchema) }) },
      },
    },
    async () => ({ items: await poolViews(components) }),
  );
}

/** A fabric may have any number of limit keys: beyond this many lanes the backlog shown is what it is at least. */
const keyedLanesMax = 5_000;

async function keyedLanes({ store, clock }: Pick<HttpComponents, 'store' | 'clock'>): Promise<LaneBacklog[]> {
  const found: LaneBacklog[] = [];
  const size = 1_000;
  let after: Lane | null = null;
  for (let looked = 0; looked < keyedLanesMax; looked += size) {
    const page: KeyedLanes = await store.dueKeyedLanes(clock.now(), { size, after, countUpTo: 10_000 });
    found.push(...page.items);
    after = page.next;
    if (after === null) break;
  }
  return found;
}

async function poolViews({
  fleet,
  bus,
  store,
  clock,
}: HttpComponents): Promise<z.infer<typeof poolSchema>[]> {
  const lanes = [...(await store.dueLanes(clock.now())), ...(await keyedLanes({ store, clock }))];
  return Promise.all(
    [...fleet.view.pools.values()].map(
      async ({ region, pool, type, queue, labels, slots, running, held, wees }) => ({
        region,
        pool,
        type,
        labels: [...labels],
        slots,
        running,
        held,
        queued: await bus.depth(queue).catch(() => null),
        backlog: lanes.filter((lane) => lane.type === type).reduce((sum, { due }) => sum + due, 0),
        wees: [...wees],
      }),
    ),
  );
}
