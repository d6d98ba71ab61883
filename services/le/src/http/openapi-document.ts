import { jsonSchemaTransformObject } from 'fastify-type-provider-zod';

type Document = ReturnType<typeof jsonSchemaTransformObject>;

/**
 * The document with the schemas that its paths lead to. All that the vocabulary names would stand in it otherwise, twice:
 * as written (`…Input`) and as read.
 */
export function documentOf(source: Parameters<typeof jsonSchemaTransformObject>[0]): Document {
  const document = jsonSchemaTransformObject(source);
  if (!('components' in document)) return document;
  const all = document.components?.schemas ?? {};
  const used = new Set<string>();
  const follow = (part: unknown): void => {
    for (const [, name = ''] of JSON.stringify(part).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (used.has(name)) continue;
      used.add(name);
      follow(all[name as keyof typeof all]);
    }
  };
  follow(document.paths);
  for (const path of Object.values(document.paths ?? {})) markOptionalBodies(path ?? {});
  const schemas = Object.fromEntries(Object.entries(all).filter(([name]) => used.has(name))) as typeof all;
  return { ...document, components: { ...document.components, schemas } } as Document;
}

interface Body {
  required?: boolean;
  readonly content: Readonly<Record<string, { readonly schema?: { readonly anyOf?: readonly object[] } }>>;
}

/** A body that may be null may be left out: the transform takes each one that has a schema for required. */
function markOptionalBodies(path: object): void {
  for (const operation of Object.values(path) as { readonly requestBody?: Body }[]) {
    const { requestBody: body } = operation;
    const choices = body?.content['application/json']?.schema?.anyOf ?? [];
    if (body && choices.some((choice) => 'type' in choice && choice.type === 'null')) body.required = false;
  }
}
