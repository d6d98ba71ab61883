import { once } from 'node:events';
import { queues } from '@tenma/protocol';
import type { Blob } from '@tenma/store';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { packedContent, unpackedContent } from '../../blobs/blob-content.ts';
import { accepts } from '../accepted-encoding.ts';
import type { RouteComponents } from '../components.ts';
import type { App } from '../server.ts';
import { ProblemError } from '../problem-reply.ts';
import { problems } from '../registry-answers.ts';

/** Any text: what is no id names no blob, and gets the same 404. */
const params = z.object({ blob_id: z.string() });
/** So long after its making a blob may have no part here although all is well. */
const underWayMs = 60_000;
/** What has not arrived so long after a blob was made, and while LE was there, does not come any more. */
const lostAfterMs = 600_000;

/** Outputs that are too large for a message. */
export function blobRoutes(app: App, components: RouteComponents): void {
  const beganAt = components.clock.now();
  app.get(
    '/api/v1/blobs/:blob_id',
    {
      compress: false,
      schema: {
        tags: ['blobs'],
        summary: 'Get an output by its reference',
        description:
          'The JSON text that `output_ref` of a task stands for, as a stream. It travels packed where the request ' +
          'accepts that; its SHA-256 before packing is the ETag. It is kept for a day.',
        params,
        response: { 200: z.any().describe('The output.'), 304: z.null(), ...problems },
      },
    },
    async (request, reply) => {
      const blob = await wholeBlob(components, request.params.blob_id, beganAt);
      return sendBlob(components, blob, request, reply);
    },
  );
}

/** @throws ProblemError */
async function wholeBlob({ store, bus, clock }: RouteComponents, id: string, beganAt: number): Promise<Blob> {
  if (!z.uuid().safeParse(id).success) throw unknownBlob(id);
  const blob = await store.blob(id);
  const now = clock.now();
  if (blob && blob.expiresAt <= now) throw unknownBlob(id);
  if (blob && blob.kept === blob.parts) return blob;
  const ageMs = now - madeAt(id);
  // While no LE was there its parts could not arrive.
  const isLost = Math.min(ageMs, now - beganAt) > lostAfterMs;
  if (blob) {
    if (isLost) throw unknownBlob(id, 'parts of it were lost');
    throw new ProblemError('blob_incomplete', {
      detail: `${blob.kept} of its ${blob.parts} parts have arrived`,
    });
  }
  if (isLost || ageMs < -underWayMs) throw unknownBlob(id);
  // A broker that does not answer may hold it.
  const waiting = ageMs < underWayMs || (await bus.depth(queues.blobs).catch(() => 1)) !== 0;
  throw waiting
    ? new ProblemError('blob_incomplete', { detail: 'none of its parts has arrived' })
    : unknownBlob(id);
}

function unknownBlob(id: string, why = 'it never was, was lost or has expired'): ProblemError {
  return new ProblemError('unknown_blob', { detail: `there is no blob "${id}": ${why}` });
}

/** Unix ms, of a UUIDv7. */
function madeAt(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

async function sendBlob(
  { store, closing }: RouteComponents,
  blob: Blob,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const packed =
    blob.contentEncoding !== 'identity' && accepts(request.headers['accept-encoding'], blob.contentEncoding);
  // Two representations, two strong tags.
  const etag = packed ? `"${blob.sha256}-${blob.contentEncoding}"` : `"${blob.sha256}"`;
  const tags = { etag, vary: 'accept-encoding' };
  if (request.headers['if-none-match'] === etag) return reply.headers(tags).code(304).send();
  const content = packed ? packedContent(store, blob) : unpackedContent(store, blob);
  // A store that fails now is a problem of its own shape; later only the connection can say so.
  await once(content, 'readable', { signal: closing });
  void reply.headers(tags).type(blob.contentType);
  return packed
    ? reply.header('content-encoding', blob.contentEncoding).send(content)
    : reply.header('content-length', blob.bytes).send(content);
}
