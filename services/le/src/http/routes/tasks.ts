import {
  acceptedTaskSchema,
  batchRequestSchema,
  batchResponseSchema,
  isTerminal,
  limits,
  problemSchema,
  submissionSchema,
  taskIdSchema,
  taskSchema,
} from '@tenma/protocol';
import { StoreUnavailableError, type TaskControl, type TaskRecord } from '@tenma/store';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Submitted } from '../../intake.ts';
import { onCancel, retriedByHand } from '../../lifecycle/index.ts';
import { unknownType } from '../../unknown-type.ts';
import { acceptedView, linksOf, taskView } from '../../view.ts';
import type { RouteComponents } from '../components.ts';
import type { App } from '../server.ts';
import { filterOf, listQuerySchema } from '../list-filter.ts';
import { ProblemError, sendProblem } from '../problem-reply.ts';
import { refused } from '../registry-answers.ts';
import { streamTaskEvents } from '../task-events.ts';
import { waitForEnd } from '../wait-for-end.ts';

const tags = ['tasks'];
/** Any text: what is no task id names no task, and gets the same 404. */
const params = z.object({ id: z.string() });
const problems = { '4xx': problemSchema, '5xx': problemSchema };
/** Bodies are checked item by item, by the intake; these schemas stand in the documentation. */
const documented = { attachValidation: true } as const;

export function taskRoutes(app: App, components: RouteComponents): void {
  submitRoutes(app, components);
  readRoutes(app, components);
  changeRoutes(app, components);
}

function submitRoutes(app: App, components: RouteComponents): void {
  app.post(
    '/api/v1/tasks',
    {
      ...documented,
      bodyLimit: limits.taskBytes,
      schema: {
        tags,
        summary: 'Submit a task',
        description: 'With `Prefer: wait=N` answers 200 with the ended task if it ends within N seconds.',
        headers: z.object({ prefer: z.string().optional(), 'idempotency-key': z.string().optional() }),
        body: submissionSchema,
        response: { 200: taskSchema, 202: acceptedTaskSchema, ...problems },
      },
    },
    async (request, reply) => {
      await submitOne(components, request, reply);
      return reply;
    },
  );

  app.post(
    '/api/v1/tasks/batch',
    {
      ...documented,
      bodyLimit: limits.batchBytes,
      schema: {
        tags,
        summary: `Submit up to ${limits.batchTasks} tasks`,
        description: 'Each item is judged on its own; the answers stand in the order of the items.',
        body: batchRequestSchema,
        response: { 202: batchResponseSchema, ...problems },
      },
    },
    async (request, reply) => {
      if (request.validationError) throw request.validationError;
      const checkSizes = Number(request.headers['content-length'] ?? Infinity) > limits.taskBytes;
      const answers = await components.intake.submit(request.body.tasks, {
        ...callerOf(request),
        checkSizes,
      });
      const outboxFull = answers.every(
        (answer) => 'problem' in answer && answer.problem.code === 'outbox_full',
      );
      if (outboxFull) throw new ProblemError('outbox_full');
      return reply.code(202).send({ tasks: answers.map(itemView) });
    },
  );
}

async function submitOne(
  components: RouteComponents,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const key = request.headers['idempotency-key'];
  const item = typeof key === 'string' ? withKey(request.body, key) : request.body;
  const [answer] = await components.intake.submit([item], { ...callerOf(request), checkSizes: false });
  if (!answer) throw new ProblemError('internal');
  if ('problem' in answer) return sendProblem(reply, { ...answer.problem, instance: request.url });
  const { control, replayed } = answer;
  if (replayed) void reply.header('idempotent-replayed', 'true');
  void reply.header('location', linksOf(control.spec.id).self);
  const seconds = preferredWait(request.headers['prefer']);
  if (seconds === 0) return reply.code(202).send(acceptedView(control));
  void reply.header('preference-applied', `wait=${seconds}`);
  const record = await waitForEnd(components, control.spec.id, seconds * 1_000).catch((error: unknown) => {
    // It is accepted whatever becomes of the wait.
    if (error instanceof StoreUnavailableError) return null;
    throw error;
  });
  if (record && isTerminal(record.life.state)) return reply.code(200).send(taskView(record));
  return reply.code(202).send(acceptedView(record ?? control));
}

function itemView(answer: Submitted) {
  return 'problem' in answer ? { error: answer.problem } : acceptedView(answer.control);
}

function readRoutes(app: App, components: RouteComponents): void {
  const { store } = components;

  app.get(
    '/api/v1/tasks',
    {
      schema: {
        tags,
        summary: 'List tasks, newest first',
        querystring: listQuerySchema,
        response: {
          200: z.object({ items: z.array(taskSchema), next_page_token: z.string().nullable() }),
          ...problems,
        },
      },
    },
    async (request) => {
      const { page_size: size, page_token: token } = request.query;
      const page = await store.list(filterOf(request.query), { size, after: token || null });
      return { items: page.items.map(taskView), next_page_token: page.next };
    },
  );

  app.get(
    '/api/v1/tasks/:id',
    {
      schema: {
        tags,
        summary: 'Get a task',
        params,
        querystring: z.strictObject({
          wait: z.coerce
            .number()
            .min(0)
            .max(limits.waitSecondsMax)
            .default(0)
            .describe('Seconds to wait for its end.'),
        }),
        response: { 200: taskSchema, ...problems },
      },
    },
    async (request) => {
      const id = knownId(request.params.id);
      const record = await waitForEnd(components, id, request.query.wait * 1_000);
      if (!record) throw unknownTask(id);
      return taskView(record);
    },
  );

  app.get(
    '/api/v1/tasks/:id/events',
    { schema: { tags, summary: 'Follow a task (server-sent events)', params, response: problems } },
    async (request, reply) => {
      const id = knownId(request.params.id);
      if (!(await store.get(id))) throw unknownTask(id);
      await streamTaskEvents(components, id, request, reply);
    },
  );
}

function changeRoutes(app: App, components: RouteComponents): void {
  const { ledger, store, dispatcher, clock, outbox, types } = components;
  const response = { 200: taskSchema, ...problems };

  async function taskOf(id: string): Promise<TaskRecord> {
    const record = await store.get(id);
    if (!record) throw unknownTask(id);
    return record;
  }

  app.post(
    '/api/v1/tasks/:id/cancel',
    { schema: { tags, summary: 'Cancel a task; one that has not started ends at once', params, response } },
    async (request) => {
      const id = knownId(request.params.id);
      const changed = await ledger.change([id], (control) => onCancel(control, clock.now()));
      const record = await taskOf(id);
      const already = record.life.state === 'cancelled' || record.life.cancelRequested;
      if (changed.length === 0 && !already) {
        throw new ProblemError('invalid_state', { detail: `the task has ended: ${record.life.state}` });
      }
      return taskView(record);
    },
  );

  app.post(
    '/api/v1/tasks/:id/retry',
    {
      schema: {
        tags,
        summary: 'Try an unsuccessful task again, with its clocks begun anew',
        params,
        response,
      },
    },
    async (request) => {
      const id = knownId(request.params.id);
      const isKnown = ({ spec }: TaskControl) => types.get(spec.type) !== undefined;
      const changed = await ledger.change([id], (control) =>
        isRetriable(control) && isKnown(control) ? { life: retriedByHand(control, clock.now()) } : null,
      );
      const record = await taskOf(id);
      if (changed.length === 0) {
        if (isRetriable(record) && !isKnown(record)) throw refused(unknownType(types, record.spec.type));
        const detail = `only failed, cancelled and expired tasks can be retried; this one is ${record.life.state}`;
        throw new ProblemError('invalid_state', { detail });
      }
      outbox.added(1);
      dispatcher.due(record.spec);
      return taskView(record);
    },
  );
}

function isRetriable({ life }: TaskControl): boolean {
  return ['failed', 'cancelled', 'expired'].includes(life.state);
}

function knownId(text: string): string {
  if (taskIdSchema.safeParse(text).success) return text;
  throw unknownTask(text);
}

function unknownTask(id: string): ProblemError {
  return new ProblemError('unknown_task', { detail: `there is no task ${id}` });
}

function withKey(body: unknown, key: string): unknown {
  return typeof body === 'object' && body !== null ? { idempotency_key: key, ...body } : body;
}

function callerOf(request: FastifyRequest): { principal: string; traceparent: string | null } {
  const { traceparent } = request.headers;
  return { principal: 'anonymous', traceparent: typeof traceparent === 'string' ? traceparent : null };
}

/** Seconds of `Prefer: wait=N` (RFC 7240), capped; 0 when absent or unreadable. */
function preferredWait(header: string | string[] | undefined): number {
  const found = /(?:^|[,;\s])wait\s*=\s*"?(\d+)"?/.exec(String(header ?? ''));
  return found ? Math.min(limits.waitSecondsMax, Number(found[1])) : 0;
}
