import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';
import type { Json } from '@tenma/protocol';

/** A Standard Schema (https://standardschema.dev) that also gives its JSON Schema: zod 4.2 and later, arktype. */
export type SchemaWithJson<In = unknown, Out = In> = StandardSchemaV1<In, Out> &
  StandardJSONSchemaV1<In, Out>;

/** Any other Standard Schema, with its JSON Schema 2020-12 beside it. */
export interface SchemaPair<In = unknown, Out = In> {
  readonly schema: StandardSchemaV1<In, Out>;
  readonly jsonSchema: Readonly<Record<string, unknown>>;
}

export type WorkerSchema = SchemaWithJson | SchemaPair;

/** What may be given to the schema: how a caller writes an input, how a worker writes its output. */
export type SchemaInput<S> = S extends StandardSchemaV1
  ? StandardSchemaV1.InferInput<S>
  : S extends SchemaPair
    ? StandardSchemaV1.InferInput<S['schema']>
    : Json;

/** What the schema gives back: defaults filled in, values transformed. */
export type SchemaOutput<S> = S extends StandardSchemaV1
  ? StandardSchemaV1.InferOutput<S>
  : S extends SchemaPair
    ? StandardSchemaV1.InferOutput<S['schema']>
    : Json;

export interface Issue {
  /** JSON Pointer (RFC 6901) into the value. */
  pointer: string;
  detail: string;
}

export type Checked = { ok: true; value: unknown } | { ok: false; issues: Issue[] };

/** Validates; a promise only where the schema itself is asynchronous, so that common schemas cost no turn. */
export function check(schema: WorkerSchema, value: unknown): Checked | Promise<Checked> {
  const standard = '~standard' in schema ? schema['~standard'] : schema.schema['~standard'];
  const result = standard.validate(value);
  return result instanceof Promise ? result.then(checked) : checked(result);
}

function checked(result: StandardSchemaV1.Result<unknown>): Checked {
  if (result.issues === undefined) return { ok: true, value: result.value };
  // Copied first: the `map` of a library's own kind of array, such as arktype's, makes another of that kind.
  const issues = [...result.issues].map(({ path, message }) => ({
    pointer: pointerOf(path ?? []),
    detail: message,
  }));
  return { ok: false, issues };
}

function pointerOf(path: NonNullable<StandardSchemaV1.Issue['path']>): string {
  return [...path]
    .map((segment) => (typeof segment === 'object' ? segment.key : segment))
    .map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}

/** One line that names every place that is wrong. */
export function describeIssues(issues: readonly Issue[]): string {
  return issues.map(({ pointer, detail }) => (pointer === '' ? detail : `${pointer}: ${detail}`)).join('; ');
}

/** The schema's JSON Schema 2020-12. Throws what the schema library throws where it has no such form. */
export function jsonSchemaOf(schema: WorkerSchema, side: 'input' | 'output'): Record<string, unknown> {
  if (!('~standard' in schema)) return { ...schema.jsonSchema };
  return schema['~standard'].jsonSchema[side]({ target: 'draft-2020-12' });
}

/** Why this cannot be a worker's schema; undefined when it can. */
export function schemaFault(schema: unknown): string | undefined {
  if ((typeof schema !== 'object' && typeof schema !== 'function') || schema === null) {
    return 'is not a Standard Schema';
  }
  if ('~standard' in schema) {
    const standard: unknown = schema['~standard'];
    if (typeof standard === 'object' && standard !== null && 'jsonSchema' in standard) return undefined;
    return 'gives no JSON Schema; pass { schema, jsonSchema } with the JSON Schema beside it';
  }
  return 'schema' in schema && 'jsonSchema' in schema ? undefined : 'is not a Standard Schema';
}
