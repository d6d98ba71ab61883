import { type Encoding, unpack, UnpackError } from '@tenma/runtime';
import type { Message } from 'amqplib';
import { decodeBody, maxBodyBytes } from '../body.ts';
import type { DeadLetterReason } from '../bus.ts';

/** Bodies up to this size travel as they are: there packing costs more than it saves. */
export const packAboveBytes = 16 * 1024;

/** The body of a message, or why it has none. */
export type Decoded = { readonly body: unknown } | { readonly fault: DeadLetterReason };

const jsonType = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;
const encodings: ReadonlySet<string> = new Set<Encoding>(['identity', 'gzip', 'zstd']);

/** Reads a message by what its properties say; one that says nothing is JSON as it is. Never throws or rejects. */
export function decodeContent(message: Message): Decoded | Promise<Decoded> {
  const { contentType, contentEncoding } = message.properties as {
    contentType?: unknown;
    contentEncoding?: unknown;
  };
  if (!isJson(contentType)) return { fault: 'unknown_type' };
  if (contentEncoding === undefined) return parsed(message.content);
  if (!isKnown(contentEncoding)) return { fault: 'unknown_encoding' };
  try {
    const content = unpack(message.content, contentEncoding, maxBodyBytes);
    return content instanceof Promise ? content.then(parsed).catch(faultOf) : parsed(content);
  } catch (error) {
    return faultOf(error);
  }
}

function isJson(contentType: unknown): boolean {
  if (contentType === undefined || contentType === 'application/json') return true;
  return typeof contentType === 'string' && jsonType.test(contentType);
}

function isKnown(contentEncoding: unknown): contentEncoding is Encoding {
  return typeof contentEncoding === 'string' && encodings.has(contentEncoding);
}

function parsed(content: Buffer): Decoded {
  const body = decodeBody(content.toString());
  return body === undefined ? { fault: 'not_json' } : { body };
}

function faultOf(error: unknown): Decoded {
  return { fault: error instanceof UnpackError ? error.reason : 'corrupt' };
}
