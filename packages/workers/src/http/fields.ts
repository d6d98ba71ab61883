import { validateHeaderName, validateHeaderValue } from 'node:http';
import { z } from 'zod';

/** Parts of the inputs and outputs that `probe-http` and `http-action` share. */
export const urlSchema = z
  .url({ protocol: /^https?$/ })
  .max(8_192)
  .describe('http: or https:');

export const headersSchema = z
  .record(z.string(), z.string())
  .refine(
    (headers) => Object.entries(headers).every(([name, value]) => isHeader(name, value)),
    'must be names and values that HTTP allows',
  );

function isHeader(name: string, value: string): boolean {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    return true;
  } catch {
    return false;
  }
}

/** Adds to `headers` what the caller did not set; names are compared without case. */
export function withDefaults(
  headers: Readonly<Record<string, string>>,
  additions: Readonly<Record<string, string>>,
): Record<string, string> {
  const set = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  return {
    ...Object.fromEntries(Object.entries(additions).filter(([name]) => !set.has(name))),
    ...headers,
  };
}
