import { z } from 'zod';
import { markdownTable } from './sections.ts';

const services = ['dev', 'le', 'ic', 'wee'] as const;

interface Setting {
  readonly description?: string;
  readonly default?: unknown;
}

interface Settings {
  readonly properties: Record<string, Setting>;
  readonly required?: readonly string[];
}

/** For each service the table of its TENMA_* variables, by the name of its section (`settings-le`). */
export async function settingsTables(): Promise<Map<string, string>> {
  const tables = new Map<string, string>();
  for (const service of services) {
    const module = `../../services/${service}/src/config.ts`;
    const [schema, ...others] = await objectsDescribedBy(() => import(module));
    if (!schema || others.length > 0)
      throw new Error(`${module} has to describe exactly one object: its settings`);
    const settings = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as unknown as Settings;
    tables.set(`settings-${service}`, settingsTable(settings));
  }
  return tables;
}

/** The object schemas that a module describes while it loads. A config.ts keeps its schema to itself. */
async function objectsDescribedBy(load: () => Promise<unknown>): Promise<z.ZodObject[]> {
  const found: z.ZodObject[] = [];
  const registry = z.globalRegistry;
  const add = registry.add.bind(registry);
  registry.add = (schema, ...meta) => {
    if (schema instanceof z.ZodObject) found.push(schema);
    return add(schema, ...meta);
  };
  await load().finally(() => {
    registry.add = add;
  });
  return found;
}

/** @throws when a setting has no description */
export function settingsTable({ properties, required = [] }: Settings): string {
  const rows = Object.entries(properties).map(([key, setting]) => {
    if (setting.description === undefined) throw new Error(`TENMA_${key} has no description`);
    const { text, described } = splitDefault(setting.description);
    return [`\`TENMA_${key}\``, described ?? defaultOf(setting, required.includes(key)), text];
  });
  return markdownTable(['variable', 'default', 'meaning'], rows);
}

/** A description may end with what stands for a default that is computed: `… Default: a free one.` */
function splitDefault(description: string): { text: string; described: string | undefined } {
  const found = /^(.*?)\s*Default: (.*?)\.?$/s.exec(description);
  return { text: found?.[1] ?? description, described: found?.[2] };
}

function defaultOf(setting: Setting, required: boolean): string {
  if (setting.default !== undefined)
    return `\`${typeof setting.default === 'string' ? setting.default : JSON.stringify(setting.default)}\``;
  return required ? 'required' : 'none';
}
