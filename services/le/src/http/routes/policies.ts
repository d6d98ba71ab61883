import { limits, newPolicySchema, policyPatchSchema, policySchema } from '@tenma/protocol';
import { z } from 'zod';
import {
  createPolicy,
  deletePolicy,
  policiesInOrder,
  unknownPolicy,
  updatePolicy,
} from '../../smart-control/policy-registry.ts';
import type { RouteComponents } from '../components.ts';
import type { App } from '../server.ts';
import { deleted, granted, onceRead, problems, refused } from '../registry-answers.ts';

const tags = ['policies'];
/** Any text: what is no id names no policy, and gets the same 404. */
const params = z.object({ policy_id: z.string() });

/** What submits a task when something happens. */
export function policyRoutes(app: App, components: RouteComponents): void {
  const { documents } = components;
  const onRequest = onceRead(components);

  app.get(
    '/api/v1/policies',
    {
      onRequest,
      schema: {
        tags,
        summary: 'List policies by id',
        response: { 200: z.object({ items: z.array(policySchema) }), ...problems },
      },
    },
    async () => ({ items: policiesInOrder(documents) }),
  );

  app.get(
    '/api/v1/policies/:policy_id',
    {
      onRequest,
      schema: { tags, summary: 'Get a policy', params, response: { 200: policySchema, ...problems } },
    },
    async (request) => {
      const { policy_id: id } = request.params;
      const policy = documents.get('policy', id)?.value;
      if (!policy) throw refused(unknownPolicy(id));
      return policy;
    },
  );

  changeRoutes(app, components);
}

function changeRoutes(app: App, components: RouteComponents): void {
  const onRequest = onceRead(components);

  app.post(
    '/api/v1/policies',
    {
      onRequest,
      bodyLimit: limits.taskBytes,
      schema: {
        tags,
        summary: 'When something happens, then submit a task',
        body: newPolicySchema,
        response: { 201: policySchema, ...problems },
      },
    },
    async (request, reply) => {
      const policy = granted(await createPolicy(components, request.body));
      void reply.header('location', `/api/v1/policies/${policy.policy_id}`);
      return reply.code(201).send(policy);
    },
  );

  app.patch(
    '/api/v1/policies/:policy_id',
    {
      onRequest,
      schema: {
        tags,
        summary: 'Switch a policy on or off, or change its cool-down',
        params,
        body: policyPatchSchema,
        response: { 200: policySchema, ...problems },
      },
    },
    async ({ params: { policy_id: id }, body }) => granted(await updatePolicy(components, id, body)),
  );

  app.delete(
    '/api/v1/policies/:policy_id',
    {
      onRequest,
      schema: {
        tags,
        summary: 'Delete a policy; built-in ones can only be switched off',
        params,
        response: { 204: deleted, ...problems },
      },
    },
    async (request, reply) => {
      granted(await deletePolicy(components, request.params.policy_id));
      return reply.code(204).send(null);
    },
  );
}
