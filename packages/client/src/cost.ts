import { costClasses, slotsOfClass, slotsOfProcess } from '@tenma/protocol';
import { type TaskDefinition, type TaskTypeRef, typeName } from './definition.ts';

/**
 * Slots that an attempt with this input takes, as its definition says; nothing is asked.
 * @throws TypeError for an input that does not fit, or a cost that is none; else what the function throws
 */
export async function slotsFor(definition: TaskDefinition, input: unknown): Promise<number> {
  const { cost = 'light' } = definition;
  const said: unknown = isFunction(cost) ? await cost(await filledIn(definition, input)) : cost;
  // As a worker process does it: rounded up and clamped.
  if (typeof said === 'number' && !Number.isNaN(said)) {
    return Math.min(Math.max(Math.ceil(said), 1), slotsOfProcess);
  }
  const known = costClasses.find((name) => name === said);
  if (known !== undefined) return slotsOfClass[known];
  throw new TypeError(
    `Worker ${definition.type}: a cost is a class or a number of slots, not ${String(said)}`,
  );
}

/**
 * What a submission says of its cost: nothing where the type says it for every input. Nothing also where it cannot be
 * told here: LE judges the input, and a WEE that takes the task asks the worker.
 */
export function submittedCost(type: TaskTypeRef, input: unknown): Promise<number | undefined> | undefined {
  if (typeof type === 'string' || !isFunction(type.cost)) return undefined;
  return slotsFor(type, input).catch(() => undefined);
}

/** The input as a worker gets it: checked, with defaults filled in. */
async function filledIn(definition: TaskDefinition, input: unknown): Promise<unknown> {
  const schema = validatorOf(definition.input);
  if (schema === undefined) return input;
  const { issues, value } = await schema.validate(input);
  if (issues === undefined) return value;
  const faults = issues.map(({ message }) => message).join('; ');
  throw new TypeError(`The input does not fit the schema of ${typeName(definition)}: ${faults}`);
}

/** The part of a Standard Schema that checks. */
interface Validator {
  validate(value: unknown): Checked | Promise<Checked>;
}

interface Checked {
  readonly value?: unknown;
  readonly issues?: readonly { readonly message: string }[] | undefined;
}

/** A schema, or one with its JSON Schema beside it. */
function validatorOf(schema: unknown): Validator | undefined {
  if (!isObject(schema)) return undefined;
  if ('~standard' in schema) return schema['~standard'] as Validator;
  return 'schema' in schema ? validatorOf(schema.schema) : undefined;
}

/** Schemas of some libraries are functions. */
function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

function isFunction(value: unknown): value is (input: unknown) => unknown {
  return typeof value === 'function';
}
