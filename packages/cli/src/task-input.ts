import type { Json } from '@tenma/protocol';
import { UsageError } from './cli-errors.ts';
import { readJson } from './read-json.ts';

type JsonObject = { [key: string]: Json };

/**
 * A task's input from `-f` (a file of JSON, or `-` for standard input) and `-i key=value`, which sets single fields of
 * it. Undefined when neither is given.
 * @throws UsageError
 */
export async function readTaskInput(
  file: string | undefined,
  pairs: readonly string[],
  stdin: AsyncIterable<unknown>,
): Promise<Json | undefined> {
  const base = file === undefined ? undefined : await readJson(file, stdin, '-f');
  if (pairs.length === 0) return base;
  const input = base ?? {};
  if (!isObject(input))
    throw new UsageError('-i sets fields of an object, and the file holds something else');
  for (const pair of pairs) setField(input, pair);
  return input;
}

/** `a.b=1` sets `{"a": {"b": 1}}`; a value that is not JSON is a string. */
function setField(input: JsonObject, pair: string): void {
  const equals = pair.indexOf('=');
  const keys = pair.slice(0, Math.max(0, equals)).split('.');
  if (keys.includes('') || keys.includes('__proto__')) {
    throw new UsageError(
      equals < 0 ? `-i takes KEY=VALUE, not ${JSON.stringify(pair)}` : `-i ${pair} names no field`,
      'Dots reach into objects: -i headers.accept=text/html',
    );
  }
  let target = input;
  for (const key of keys.slice(0, -1)) {
    const inner = Object.hasOwn(target, key) ? target[key] : undefined;
    const next = isObject(inner) ? inner : {};
    target[key] = next;
    target = next;
  }
  target[keys.at(-1) ?? ''] = valueOf(pair.slice(equals + 1));
}

function valueOf(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
