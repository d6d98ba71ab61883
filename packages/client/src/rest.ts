import { z } from 'zod';
import type { HttpRequest, Reader } from './http.ts';
import type { CallOptions } from './task-handle.ts';
import type { Repeat, Transport } from './transport.ts';

/** What a query may say; what is undefined is left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** Calls that carry JSON there and back. */
export interface Rest {
  get<Value>(path: string, reader: Reader<Value>, options?: CallOptions, query?: Query): Promise<Value>;
  send<Value>(
    method: 'POST' | 'PUT' | 'PATCH',
    path: string,
    value: unknown,
    repeat: Repeat,
    reader: Reader<Value>,
    options?: CallOptions,
  ): Promise<Value>;
  remove(path: string, options?: CallOptions): Promise<void>;
}

const nothingReader: Reader<void> = z.undefined();

export function createRest(transport: Transport): Rest {
  async function ask<Value>(
    request: HttpRequest,
    repeat: Repeat,
    reader: Reader<Value>,
    { signal }: CallOptions = {},
  ): Promise<Value> {
    return (await transport.call({ ...request, signal, repeat }, reader)).data;
  }
  return {
    get: (path, reader, options, query = {}) =>
      ask({ method: 'GET', path: path + queryText(query) }, 'always', reader, options),
    send: (method, path, value, repeat, reader, options) =>
      ask({ method, path, body: JSON.stringify(value) }, repeat, reader, options),
    remove: (path, options) => ask({ method: 'DELETE', path }, 'refused', nothingReader, options),
  };
}

function queryText(query: Query): string {
  const said = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined) said.set(key, String(value));
  return said.size === 0 ? '' : `?${said.toString()}`;
}

/**
 * Things with ids that are kept under one address. Reading and patching are repeated through outages; what makes or
 * removes one is repeated only while LE refuses, because after a lost answer the second would be told 409 or 404.
 */
export interface Collection<Item, New, Patch> {
  readonly list: (options?: CallOptions, query?: Query) => Promise<Item[]>;
  readonly get: (id: string, options?: CallOptions) => Promise<Item>;
  readonly create: (item: New, options?: CallOptions) => Promise<Item>;
  /** What the patch leaves out stays. */
  readonly update: (id: string, patch: Patch, options?: CallOptions) => Promise<Item>;
  readonly remove: (id: string, options?: CallOptions) => Promise<void>;
}

export function createCollection<Item, New, Patch>(
  rest: Rest,
  path: string,
  reader: Reader<Item>,
  listReader: Reader<Item[]>,
): Collection<Item, New, Patch> {
  const address = (id: string) => `${path}/${encodeURIComponent(id)}`;
  return {
    list: (options, query) => rest.get(path, listReader, options, query),
    get: (id, options) => rest.get(address(id), reader, options),
    create: (item, options) => rest.send('POST', path, item, 'refused', reader, options),
    update: (id, patch, options) => rest.send('PATCH', address(id), patch, 'always', reader, options),
    remove: (id, options) => rest.remove(address(id), options),
  };
}
