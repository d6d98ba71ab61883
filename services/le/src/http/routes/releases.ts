import {
  type Presence,
  type Release,
  releasePromotionSchema,
  releaseRollbackSchema,
  releaseUpdateSchema,
  type ReleaseView,
  releaseViewSchema,
} from '@tenma/protocol';
import { z } from 'zod';
import type { Answer } from '../../documents/change-documents.ts';
import { promoteRelease, rollBackRelease, unknownRelease, updateRelease } from '../../releases/by-hand.ts';
import { releaseOf, releasesInOrder, releaseView } from '../../releases/views.ts';
import type { RouteComponents } from '../components.ts';
import type { App } from '../server.ts';
import { granted, onceRead, problems, refused } from '../registry-answers.ts';

const tags = ['releases'];
/** Any text: what is no type has no release, and gets the same 404. */
const params = z.object({ type: z.string() });

/** Which version of each task type is trusted, and which is on trial. */
export function releaseRoutes(app: App, components: RouteComponents): void {
  const { documents } = components;
  const onRequest = onceRead(components);
  const viewOf = (release: Release) => releaseView(release, presencesOf(components));

  app.get(
    '/api/v1/releases',
    {
      onRequest,
      schema: {
        tags,
        summary: 'List releases by task type',
        response: { 200: z.object({ items: z.array(releaseViewSchema) }), ...problems },
      },
    },
    async () => ({ items: releasesInOrder(documents).map(viewOf) }),
  );

  app.get(
    '/api/v1/releases/:type',
    {
      onRequest,
      schema: {
        tags,
        summary: 'A release, with how each version does in each WEE',
        params,
        response: { 200: releaseViewSchema, ...problems },
      },
    },
    async ({ params: { type } }): Promise<ReleaseView> => {
      const release = documents.get('release', type)?.value;
      if (!release) throw refused(unknownRelease(documents, type));
      return viewOf(releaseOf(release));
    },
  );

  changeRoutes(app, components);
}

function changeRoutes(app: App, components: RouteComponents): void {
  const onRequest = onceRead(components);
  const response = { 200: releaseViewSchema, ...problems };
  const view = (answer: Answer<Release>) => releaseView(granted(answer), presencesOf(components));

  app.post(
    '/api/v1/releases/:type/update',
    {
      onRequest,
      schema: {
        tags,
        summary: 'Put a version on trial, or give the one on trial another share',
        params,
        body: releaseUpdateSchema,
        response,
      },
    },
    async ({ params: { type }, body }) => view(await updateRelease(components, type, body)),
  );

  app.post(
    '/api/v1/releases/:type/promote',
    {
      onRequest,
      schema: {
        tags,
        summary: 'Trust the version that is on trial',
        params,
        body: releasePromotionSchema.nullish(),
        response,
      },
    },
    async ({ params: { type }, body }) => view(await promoteRelease(components, type, body ?? {})),
  );

  app.post(
    '/api/v1/releases/:type/rollback',
    {
      onRequest,
      schema: {
        tags,
        summary: 'End the trial; without one, go back to the version before',
        params,
        body: releaseRollbackSchema.nullish(),
        response,
      },
    },
    async ({ params: { type }, body }) =>
      view(await rollBackRelease(components, type, body ?? releaseRollbackSchema.parse({}))),
  );
}

function presencesOf({ fleet }: RouteComponents): Presence[] {
  return [...fleet.view.wees.values()].map(({ presence }) => presence);
}
