import { readFileSync } from 'node:fs';
import type { z } from 'zod';

/** Thrown when the environment does not make a configuration; `message` lists every fault with its remedy. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads `TENMA_*` variables into an object with the schema's keys: `HTTP_PORT` ← `TENMA_HTTP_PORT`, or the content of
 * the file that `TENMA_HTTP_PORT_FILE` names. The result is frozen.
 * @throws ConfigError with all faults at once
 */
export function readConfig<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  environment: Environment,
): Readonly<z.infer<z.ZodObject<Shape>>> {
  const raw: Record<string, string> = {};
  for (const key of Object.keys(schema.shape)) {
    const value = readVariable(`TENMA_${key}`, environment);
    if (value !== undefined) raw[key] = value;
  }
  const parsed = schema.safeParse(raw);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `  TENMA_${issue.path.join('.')}: ${issue.message}`);
    throw new ConfigError(`The environment does not make a configuration:\n${faults.join('\n')}`);
  }
  return Object.freeze(parsed.data);
}

function readVariable(name: string, environment: Environment): string | undefined {
  const file = environment[`${name}_FILE`];
  if (file === undefined) return environment[name] === '' ? undefined : environment[name];
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new ConfigError(`${name}_FILE names ${file}, which cannot be read: ${String(error)}`);
  }
}
