/** The types of a Standard Schema (https://standardschema.dev), read structurally so that any version fits. */
interface SchemaTypes<Input, Output> {
  readonly '~standard': { readonly types?: { readonly input: Input; readonly output: Output } | undefined };
}

/** A class of errors, whatever its constructor takes. */
export type ErrorClass = abstract new (...args: never[]) => Error;

/**
 * What names a task type and, if it carries schemas, gives calls their types: any worker definition does. LE judges the
 * input.
 */
export interface TaskDefinition {
  readonly type: string;
  readonly input?: unknown;
  readonly output?: unknown;
  /** A function is asked what an input costs, and the answer is sent with the task. */
  readonly cost?: unknown;
  /** Classes of errors that `execute` gives back as such. */
  readonly errors?: readonly ErrorClass[] | undefined;
}

/** A task type by its name or by its definition. */
export type TaskTypeRef = string | TaskDefinition;

/** What a caller writes: defaults of the input's schema may be left out. */
export type InputOf<Type extends TaskTypeRef> = Type extends {
  readonly input: SchemaTypes<infer Input, unknown>;
}
  ? Input
  : unknown;

/** What a result is. A type given by name has unknown output: check it, or give the definition. */
export type OutputOf<Type extends TaskTypeRef> = Type extends {
  readonly output: SchemaTypes<unknown, infer Output>;
}
  ? Output
  : unknown;

export function typeName(type: TaskTypeRef): string {
  return typeof type === 'string' ? type : type.type;
}
