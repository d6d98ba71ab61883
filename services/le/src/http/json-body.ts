import type { FastifyInstance } from 'fastify';
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
