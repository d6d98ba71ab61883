import { taskTypeSchema } from '@tenma/protocol';
import { z } from 'zod';
import { retireType } from '../../retire-type.ts';
import { unknownType } from '../../unknown-type.ts';
import type { RouteComponents } from '../components.ts';
import { deleted, granted, onceRead, problems, refused } from '../registry-answers.ts';
import type { App } from '../server.ts';

const tags = ['fleet'];
/** Any text: what is no type gets the same 404. */
const params = z.object({ type: z.string() });

/** What can be run. */
export function taskTypeRoutes(app: App, components: RouteComponents): void {
  const { types } = components;

  app.get(
    '/api/v1/task-types',
    {
      schema: {
        tags,
        summary: 'Task types with their JSON Schemas',
        response: { 200: z.object({ items: z.array(taskTypeSchema) }) },
      },
    },
    async () => ({ items: [...types.all()] }),
  );

  app.get(
    '/api/v1/task-types/:type',
    { schema: { tags, params, response: { 200: taskTypeSchema, ...problems } } },
    async ({ params: { type } }) => {
      const known = types.get(type);
      if (!known) throw refused(unknownType(types, type));
      return known;
    },
  );

  app.delete(
    '/api/v1/task-types/:type',
    {
      onRequest: onceRead(components),
      schema: {
        tags,
        summary: 'Forget a task type that has been retired',
        params,
        response: { 204: deleted, ...problems },
      },
    },
    async (request, reply) => {
      granted(await retireType(components, request.params.type));
      return reply.code(204).send(null);
    },
  );
}
