import { z } from 'zod';
import * as protocol from '../../packages/protocol/src/index.ts';

export const schemaFolder = 'docs/schemas';

export type JsonSchema = Record<string, unknown>;

/** The schemas of the protocol that have a name, as one registry: they refer to each other by it. */
function namedSchemas() {
  const registry = z.registry<{ id: string }>();
  const names = new Set<string>();
  for (const value of Object.values(protocol)) {
    if (!(value instanceof z.ZodType)) continue;
    const id = z.globalRegistry.get(value)?.id;
    if (id === undefined) continue;
    if (names.has(id)) throw new Error(`two schemas of the protocol are named ${id}`);
    names.add(id);
    registry.add(value, { id });
  }
  return registry;
}

/** JSON Schemas of the protocol by name, as a sender may write them: with defaults, what has one may be left out. */
export function protocolSchemas(options: {
  target: 'draft-2020-12' | 'draft-7';
  /** How one refers to another. */
  uri: (id: string) => string;
}): Map<string, JsonSchema> {
  const { schemas } = z.toJSONSchema(namedSchemas(), { ...options, io: 'input', override: withoutSafeRange });
  const byName = Object.entries(schemas as Record<string, JsonSchema>).sort(([a], [b]) => (a < b ? -1 : 1));
  return new Map(byName);
}

/** That an integer is one that a double holds exactly is true of every integer here, and says nothing. */
export function withoutSafeRange({
  jsonSchema,
}: {
  jsonSchema: { minimum?: number; maximum?: number };
}): void {
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
}

/** One file for each named schema. */
export function schemaFiles(): Map<string, string> {
  const all = protocolSchemas({ target: 'draft-2020-12', uri: (id) => `${id}.json` });
  return new Map(
    [...all].map(([name, schema]) => [
      `${schemaFolder}/${name}.json`,
      `${JSON.stringify(schema, null, 2)}\n`,
    ]),
  );
}
