import fastifyCompress from '@fastify/compress';
import fastifySwagger from '@fastify/swagger';
import type { Log } from '@tenma/runtime';
import { fastify } from 'fastify';
import { jsonSchemaTransform, validatorCompiler } from 'fastify-type-provider-zod';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { readJsonBodies, unpackBodies } from './json-body.ts';
import { documentOf } from './openapi-document.ts';
import { answerWithProblems } from './problem-reply.ts';

/** Answers up to this size travel as they are. */
const packAboveBytes = 1_024;

export type App = Awaited<ReturnType<typeof createServer>>;

/** Reads, checks, packs and documents for whatever routes it is given; has none yet. */
export async function createServer(log: Log) {
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
  unpackBodies(app as never);
  app.setValidatorCompiler(validatorCompiler);
  // What handlers return is typed by the same schemas: it is not parsed once more on the way out.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  answerWithProblems(app as never, log);
  await app.register(fastifyCompress, {
    globalDecompression: false,
    encodings: ['zstd', 'gzip'],
    threshold: packAboveBytes,
  });
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
