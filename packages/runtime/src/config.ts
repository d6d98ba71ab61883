import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { misspelt } from './misspelt.ts';

/** Thrown when the environment does not make a configuration; `message` lists every fault with its remedy. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads `TENMA_*` variables into an object with the schema's keys: `HTTP_PORT` ← `TENMA_HTTP_PORT`, or the content of
 * the file that `TENMA_HTTP_PORT_FILE` names. The result is frozen. Variables whose names nearly are the schema's are
 * told to `warn`, a sentence each. No fault shows what a file holds, or a URL that may have a password.
 * @throws ConfigError with all faults at once
 */
export function readConfig<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  environment: Environment,
  warn: (sentence: string) => void = (sentence) => void process.stderr.write(`${sentence}\n`),
): Readonly<z.infer<z.ZodObject<Shape>>> {
  const raw: Record<string, string> = {};
  const keys = Object.keys(schema.shape);
  for (const { name, meant } of misspelt(environment, keys)) {
    warn(`${name} is no setting, and is ignored: is ${meant} meant?`);
  }
  for (const key of keys) {
    const value = readVariable(`TENMA_${key}`, environment);
    if (value !== undefined) raw[key] = value;
  }
  const parsed = schema.safeParse(raw);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => {
      const key = String(issue.path[0]);
      const secret = secretOf(`TENMA_${key}`, raw[key], environment);
      return `  TENMA_${issue.path.join('.')}: ${faultOf(schema.shape[key], raw[key], issue, secret)}`;
    });
    throw new ConfigError(
      `The environment does not make a configuration:\n${[...new Set(faults)].join('\n')}`,
    );
  }
  return Object.freeze(parsed.data);
}

/** What to say instead of a value that is not to be seen; null of one that is. */
function secretOf(name: string, value = '', environment: Environment): string | null {
  if (environment[`${name}_FILE`] !== undefined) return `what the file of ${name}_FILE holds`;
  return name.endsWith('_URL') || mayHavePassword(value) ? 'what it is' : null;
}

const mayHavePassword = (text: string) => /:\/\/[^]*@/.test(text);

/** What a setting needs, where the schema's own message says only what it got instead. */
function faultOf(
  field: z.core.$ZodType | undefined,
  value: string | undefined,
  { code, message }: z.core.$ZodIssue,
  secret: string | null,
): string {
  if (field === undefined) return message;
  const { description, ...need } = z.toJSONSchema(field, { unrepresentable: 'any' });
  const meaning = description === undefined ? '' : `: ${description}`;
  if (value === undefined) return z.safeParse(field, undefined).success ? message : `has to be set${meaning}`;
  const number = numberNeeded(need);
  if (number !== null) return `is to be ${number}, not ${secret ?? JSON.stringify(value)}`;
  // The schema's own words may repeat what they are about; those of zod do not, but for keys.
  const mayRepeat = code === 'custom' || code === 'unrecognized_keys';
  return secret !== null && mayRepeat ? `cannot be ${secret}${meaning}` : message;
}

/** Null of what is no number. */
function numberNeeded(need: z.core.JSONSchema.BaseSchema): string | null {
  const { type, minimum, exclusiveMinimum, maximum } = need;
  if (type !== 'integer' && type !== 'number') return null;
  const kind = type === 'integer' ? 'a whole number' : 'a number';
  if (exclusiveMinimum !== undefined) return `${kind} above ${exclusiveMinimum}`;
  if (minimum === undefined) return kind;
  // Where the schema has no limit, that of a whole number is the largest that a double can hold.
  const isOpen = maximum === undefined || maximum === Number.MAX_SAFE_INTEGER;
  return `${kind} from ${minimum}${isOpen ? ' up' : ` to ${maximum}`}`;
}

function readVariable(name: string, environment: Environment): string | undefined {
  const file = environment[`${name}_FILE`];
  if (file === undefined) return environment[name] === '' ? undefined : environment[name];
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if (mayHavePassword(file)) throw new ConfigError(`${name}_FILE is to be the path of a file, not a URL`);
    throw new ConfigError(`${name}_FILE names ${file}, which cannot be read: ${String(error)}`);
  }
}
