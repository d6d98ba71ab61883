/**
 * `npm run generate` writes every document, or part of one, that is made from the code. With `--check` it writes
 * nothing and fails, naming each file that the code no longer agrees with.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asyncapiDocument } from './generate/asyncapi.ts';
import { errorsDocument } from './generate/errors.ts';
import { openapiDocument } from './generate/openapi.ts';
import { schemaFolder, schemaFiles } from './generate/schemas.ts';
import { withSection } from './generate/sections.ts';
import { settingsTables } from './generate/settings.ts';
import { statesTable } from './generate/states.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Every generated file with what it has to hold; null for one that has to go. */
async function documents(): Promise<Map<string, string | null>> {
  const all = new Map<string, string | null>();
  for (const name of listOf(schemaFolder)) all.set(`${schemaFolder}/${name}`, null);
  for (const [path, text] of schemaFiles()) all.set(path, text);
  all.set('docs/errors.md', errorsDocument());
  all.set('docs/asyncapi.yaml', asyncapiDocument());
  all.set('docs/openapi.yaml', await openapiDocument());
  all.set('docs/protocol.md', withSection(read('docs/protocol.md') ?? '', 'states', statesTable()));
  let configuration = read('docs/configuration.md') ?? '';
  for (const [name, table] of await settingsTables()) configuration = withSection(configuration, name, table);
  all.set('docs/configuration.md', configuration);
  return all;
}

function listOf(folder: string): string[] {
  try {
    return readdirSync(join(root, folder));
  } catch {
    return [];
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return null;
  }
}

function write(path: string, text: string | null): void {
  const file = join(root, path);
  if (text === null) return rmSync(file);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

const stale = [...(await documents())].filter(([path, text]) => read(path) !== text);
if (process.argv.includes('--check')) {
  for (const [path] of stale) console.log(`${path} is stale: run \`npm run generate\``);
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  for (const [path, text] of stale) {
    write(path, text);
    console.log(`${text === null ? 'removed' : 'wrote'} ${path}`);
  }
  if (stale.length === 0) console.log('everything generated is current');
}
