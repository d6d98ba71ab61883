import { limits, newScheduleSchema, schedulePatchSchema, scheduleSchema } from '@tenma/protocol';
import { z } from 'zod';
import {
  createSchedule,
  deleteSchedule,
  schedulesInOrder,
  scheduleView,
  unknownSchedule,
  updateSchedule,
} from '../../observe/schedule-registry.ts';
import type { RouteComponents } from '../components.ts';
import type { App } from '../server.ts';
import { deleted, granted, onceRead, problems, refused } from '../registry-answers.ts';

const tags = ['schedules'];
/** Any text: what is no id names no schedule, and gets the same 404. */
const params = z.object({ schedule_id: z.string() });

/** What submits tasks slot by slot. */
export function scheduleRoutes(app: App, components: RouteComponents): void {
  const { documents, clock } = components;
  const onRequest = onceRead(components);

  app.get(
    '/api/v1/schedules',
    {
      onRequest,
      schema: {
        tags,
        summary: 'List schedules by id',
        response: { 200: z.object({ items: z.array(scheduleSchema) }), ...problems },
      },
    },
    async () => ({ items: schedulesInOrder(documents).map((record) => scheduleView(record, clock.now())) }),
  );

  app.get(
    '/api/v1/schedules/:schedule_id',
    {
      onRequest,
      schema: { tags, summary: 'Get a schedule', params, response: { 200: scheduleSchema, ...problems } },
    },
    async (request) => {
      const { schedule_id: id } = request.params;
      const record = documents.get('schedule', id)?.value;
      if (!record) throw refused(unknownSchedule(id));
      return scheduleView(record, clock.now());
    },
  );

  changeRoutes(app, components);
}

function changeRoutes(app: App, components: RouteComponents): void {
  const { clock } = components;
  const onRequest = onceRead(components);
  const bodyLimit = limits.taskBytes;

  app.post(
    '/api/v1/schedules',
    {
      onRequest,
      bodyLimit,
      schema: {
        tags,
        summary: 'Submit a task at an interval, or by a cron expression',
        body: newScheduleSchema,
        response: { 201: scheduleSchema, ...problems },
      },
    },
    async (request, reply) => {
      const record = granted(await createSchedule(components, request.body));
      void reply.header('location', `/api/v1/schedules/${record.schedule_id}`);
      return reply.code(201).send(scheduleView(record, clock.now()));
    },
  );

  app.patch(
    '/api/v1/schedules/:schedule_id',
    {
      onRequest,
      bodyLimit,
      schema: {
        tags,
        summary: 'Pause or resume a schedule, or change its task',
        params,
        body: schedulePatchSchema,
        response: { 200: scheduleSchema, ...problems },
      },
    },
    async ({ params: { schedule_id: id }, body }) =>
      scheduleView(granted(await updateSchedule(components, id, body)), clock.now()),
  );

  app.delete(
    '/api/v1/schedules/:schedule_id',
    {
      onRequest,
      schema: {
        tags,
        summary: 'Delete a schedule; the tasks that it has submitted stay',
        params,
        response: { 204: deleted, ...problems },
      },
    },
    async (request, reply) => {
      granted(await deleteSchedule(components, request.params.schedule_id));
      return reply.code(204).send(null);
    },
  );
}
