import { Readable } from 'node:stream';
import { type Encoding, unpack, UnpackError } from '@tenma/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest, RequestPayload } from 'fastify';
import { ProblemError } from './problem-reply.ts';

/**
 * Reads bodies of `application/json` as Fastify does, `__proto__` refused, but says where reading stopped: the text is
 * read once more for that, by what keeps the position.
 */
export function readJsonBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, text, done) => {
    void parse(request, text, (error, body) => {
      if (!error) return done(null, body);
      done(new ProblemError('invalid_json', { errors: [{ pointer: '#', detail: faultOf(text) }] }));
    });
  });
}

function faultOf(text: string): string {
  if (text === '') return 'the body is empty';
  try {
    JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    const { message } = error as SyntaxError;
    return message.endsWith('end of JSON input') ? `${message} at position ${text.length}` : message;
  }
  return 'a key __proto__, or constructor with prototype in it, is refused wherever it stands';
}

const encodings: ReadonlySet<string> = new Set<Encoding>(['identity', 'gzip', 'zstd']);

/** Unpacks bodies with a Content-Encoding. The limit of the route holds for what they are then, and what they were. */
export function unpackBodies(app: FastifyInstance): void {
  app.addHook('preParsing', (request, reply, payload, done) => {
    const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
    if (encoding === 'identity') return done(null, payload);
    if (!isKnown(encoding)) {
      const detail = `bodies with Content-Encoding "${encoding}" are not understood`;
      const hint = 'Send the body as it is, or packed with zstd or gzip.';
      return done(new ProblemError('unsupported_media_type', { detail, hint }));
    }
    void hand(request, reply, unpackBody(request, payload, encoding), done);
  });
}

async function hand(
  request: FastifyRequest,
  reply: FastifyReply,
  unpacking: Promise<Buffer>,
  done: (error: Error | null, payload?: RequestPayload) => void,
): Promise<void> {
  let bytes: Buffer;
  try {
    bytes = await unpacking;
  } catch (error) {
    // What has not been read of the body is in the way of another request.
    void reply.header('connection', 'close');
    return done(error as Error);
  }
  // Whoever looks at the length from here on means that of the body itself.
  request.headers['content-length'] = String(bytes.length);
  delete request.headers['content-encoding'];
  done(null, Readable.from([bytes], { objectMode: false }));
}

function isKnown(encoding: string): encoding is Encoding {
  return encodings.has(encoding);
}

async function unpackBody(
  request: FastifyRequest,
  payload: RequestPayload,
  encoding: Encoding,
): Promise<Buffer> {
  const limit = request.routeOptions.bodyLimit;
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge(limit);
  const chunks: Buffer[] = [];
  let length = 0;
  // Left open when it is too long: the answer goes out on the same connection.
  const arriving = (payload as Readable).iterator({ destroyOnReturn: false });
  for await (const chunk of arriving as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limit) throw tooLarge(limit);
    chunks.push(chunk);
  }
  try {
    return await unpack(Buffer.concat(chunks), encoding, limit);
  } catch (error) {
    if (!(error instanceof UnpackError)) throw error;
    if (error.reason === 'too_large') throw tooLarge(limit);
    throw new ProblemError('invalid_json', { errors: [{ pointer: '#', detail: error.message }] });
  }
}

function tooLarge(limit: number): ProblemError {
  return new ProblemError('too_large', { detail: `the body is larger than ${limit} bytes` });
}
