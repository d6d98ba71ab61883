import { readFileSync } from 'node:fs';
import { UsageError } from './cli-errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the environment and the options before a command's own say. */
export interface CliConfig {
  readonly apiUrl: string;
  readonly token: string | undefined;
  /** Print JSON, and nothing for people. */
  readonly json: boolean;
  /** A terminal may be written to with colours and redrawn lines. */
  readonly ansi: boolean;
  /** A terminal may be drawn on; whether in colours says `ansi`. */
  readonly drawable: boolean;
}

/**
 * Reads `TENMA_API_URL`, `TENMA_TOKEN` (each also as `…_FILE`), `NO_COLOR`, `CI` and `TERM`; the only place that does.
 * @throws UsageError
 */
export function readCliConfig(
  environment: Environment,
  options: { api?: string; json?: boolean },
): CliConfig {
  const apiUrl = options.api ?? variable('TENMA_API_URL', environment) ?? 'http://127.0.0.1:8080';
  if (!/^https?:$/.test(URL.parse(apiUrl)?.protocol ?? '')) {
    throw new UsageError(
      `${JSON.stringify(apiUrl)} is not the URL of an API`,
      'Give --api, or TENMA_API_URL, an http:// or https:// URL.',
    );
  }
  const drawable = !environment['CI'] && environment['TERM'] !== 'dumb';
  return Object.freeze({
    apiUrl,
    token: variable('TENMA_TOKEN', environment),
    json: options.json === true,
    ansi: !environment['NO_COLOR'] && drawable,
    drawable,
  });
}

function variable(name: string, environment: Environment): string | undefined {
  const file = environment[`${name}_FILE`];
  if (!file) return environment[name] || undefined;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new UsageError(
      `${name}_FILE names a file that cannot be read: ${(error as Error).message}`,
      'Correct it.',
    );
  }
}
