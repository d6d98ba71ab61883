import { systemClock } from '@tenma/runtime';
import { stringify } from 'yaml';
import { buildApp } from '../../services/le/src/http/app.ts';
import type { HttpComponents } from '../../services/le/src/http/components.ts';

/**
 * `docs/openapi.yaml`: what a running LE answers at /openapi.json. The routes are registered and never called, so most of
 * the components behind them can be missing.
 */
export async function openapiDocument(): Promise<string> {
  const app = await buildApp({ clock: systemClock() } as HttpComponents);
  const document = app.swagger();
  await app.close();
  return stringify(document, { lineWidth: 110, blockQuote: 'literal', aliasDuplicateObjects: false });
}
