import { taskExplanationSchema, taskIdSchema } from '@tenma/protocol';
import type { TaskSpec } from '@tenma/store';
import { z } from 'zod';
import { explainTask } from '../../explain/explain-task.ts';
import type { Surroundings } from '../../explain/surroundings.ts';
import { activeRegion, regionVerdict } from '../../geo/view.ts';
import type { RouteComponents } from '../components.ts';
import type { App } from '../server.ts';
import { ProblemError } from '../problem-reply.ts';
import { problems } from '../registry-answers.ts';

/** Why a task is where it is. */
export function explanationRoutes(app: App, components: RouteComponents): void {
  app.get(
    '/api/v1/tasks/:id/explanation',
    {
      schema: {
        tags: ['tasks'],
        summary: 'Why a task runs where it runs, or why it does not run yet, in words',
        params: z.object({ id: z.string() }),
        response: { 200: taskExplanationSchema, ...problems },
      },
    },
    async ({ params: { id } }) => {
      const task = taskIdSchema.safeParse(id).success ? await components.store.get(id) : null;
      if (!task) throw new ProblemError('unknown_task', { detail: `there is no task ${id}` });
      const { summary, lines } = explainTask(task, await surroundingsOf(task.spec, components));
      const { state, placement } = task.life;
      return { task_id: task.spec.id, state, summary, lines: [...lines], placement };
    },
  );
}

async function surroundingsOf(
  { type, region, limit }: TaskSpec,
  { store, fleet, documents, dispatcher, clock }: RouteComponents,
): Promise<Surroundings> {
  const now = clock.now();
  // Tasks with a limit of their own are counted by key, and there may be many keys.
  const lanes = limit === undefined ? await store.dueLanes(now) : null;
  return {
    now,
    fleet: fleet.view,
    activeRegion: activeRegion(documents)?.region_id ?? null,
    statusOf(id) {
      const found = documents.get('region', id);
      return found ? regionVerdict(documents, found.value).status : null;
    },
    due: lanes && (lanes.find((lane) => lane.type === type && lane.region === region)?.due ?? 0),
    limited: dispatcher.waitingFor({ type, ...(limit === undefined ? {} : { limit }) }),
  };
}
