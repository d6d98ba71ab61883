import {
  contentEncodings,
  isDeeperThan,
  type Json,
  limits,
  taskError,
  taskTypeSchema,
} from '@tenma/protocol';
import type { FromHost, HostEvent } from '@tenma/worker/messages';

/** Levels in what a worker gives; far more than data has. JSON.stringify gives up at some thousand. */
const maxDepth = 1_000;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Whether this is a message of a worker host. A package shares its process with the host and can send what it likes:
 * what is not as it should be must not reach code that relies on it. Cheap, as every event passes here.
 */
export function isFromHost(message: unknown): message is FromHost {
  if (!isObject(message)) return false;
  switch (message['kind']) {
    case 'events':
      return isListOf(message['events'], isEvent);
    case 'loaded':
      return isListOf(message['workers'], isVersion) && isListOf(message['faults'], isFault);
    case 'answer':
      return isId(message['ask_id']) && isAnswer(message);
    default:
      return false;
  }
}

/** What can be sent on: a value that is too deep for that fails its attempt. Null when nothing is left of the event. */
export function sendable(event: HostEvent): HostEvent | null {
  const { kind, run_id } = event;
  if (kind === 'progress') return isTooDeep(event.progress) ? null : event;
  if (kind === 'failed') {
    const { details, ...error } = event.error;
    return isTooDeep(details) ? { ...event, error } : event;
  }
  if (kind !== 'succeeded' || 'file' in event || !isTooDeep(event.output)) return event;
  const why = `the output is nested deeper than ${maxDepth} levels`;
  return { kind: 'failed', run_id, error: taskError('invalid_output', why) };
}

/** JSON.parse takes any depth; what goes through values by calling itself, such as JSON.stringify, does not. */
function isTooDeep(value: unknown): boolean {
  return isDeeperThan(value as Json, maxDepth);
}

function isEvent(event: unknown): boolean {
  if (!isObject(event) || !isId(event['run_id'])) return false;
  switch (event['kind']) {
    case 'progress':
      return event['progress'] !== undefined;
    case 'abort_received':
      return true;
    case 'succeeded':
      return 'file' in event ? isFile(event['file']) : event['output'] !== undefined;
    case 'failed':
      return isError(event['error']);
    default:
      return false;
  }
}

function isFile(file: unknown): boolean {
  if (!isObject(file)) return false;
  const { path, bytes, stored_bytes, content_encoding, sha256 } = file;
  const known = contentEncodings.some((encoding) => encoding === content_encoding);
  return (
    known && typeof path === 'string' && typeof sha256 === 'string' && [bytes, stored_bytes].every(isSize)
  );
}

function isError(error: unknown): boolean {
  if (!isObject(error)) return false;
  const { code, message, retryable } = error;
  return typeof code === 'string' && typeof message === 'string' && typeof retryable === 'boolean';
}

function isVersion(version: unknown): boolean {
  if (!isObject(version) || typeof version['specifier'] !== 'string') return false;
  return !isTooDeep(version['type']) && taskTypeSchema.safeParse(version['type']).success;
}

function isFault(fault: unknown): boolean {
  if (!isObject(fault)) return false;
  const { specifier, error, stack } = fault;
  return typeof specifier === 'string' && typeof stack === 'string' && isError(error);
}

function isAnswer({ value, error }: Fields): boolean {
  return typeof error === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function isListOf(list: unknown, isOne: (item: unknown) => boolean): boolean {
  return Array.isArray(list) && list.every(isOne);
}

function isId(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value);
}

function isSize(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= limits.blobBytes;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}
