import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readConfig } from './index.ts';
import { misspelt } from './misspelt.ts';

const root = new URL('../../../', import.meta.url);
const textOf = (file: string) => readFileSync(new URL(file, root), 'utf8');
const namesIn = (text: string) => new Set([...text.matchAll(/TENMA_[A-Z_]*[A-Z]/g)].map(([name]) => name));

describe('a variable that is nearly a setting', () => {
  const keys = ['WORKERS', 'WORKERS_DIR', 'HTTP_PORT', 'LE_ID', 'MQTT_PORT', 'AMQP_URL', 'REGION'];
  it.each([
    ['TENMA_WORKERSDIR', 'TENMA_WORKERS_DIR'],
    ['tenma_http_port', 'TENMA_HTTP_PORT'],
    ['TENMA_HTPP_PORT_FILE', 'TENMA_HTTP_PORT'],
    ['TENMA_WORKER', 'TENMA_WORKERS'],
    ['TENMA_AMQP_ULR', 'TENMA_AMQP_URL'],
    ['TENMA_WROKERS_DRI', 'TENMA_WORKERS_DIR'],
  ])('is told with it: %s', (name, meant) => {
    expect(misspelt({ [name]: 'x' }, keys)).toEqual([{ name, meant }]);
  });

  it.each([
    'TENMA_WEE_ID',
    'TENMA_API_URL',
    'TENMA_MQTT_HOST',
    'TENMA_LEGION',
    'HTTP_PORTS',
    'TENMA_HTTP_PORT_FILE',
  ])('is not one that is another: %s', (name) => expect(misspelt({ [name]: 'x' }, keys)).toEqual([]));

  it('is passed over where the setting has a value', () => {
    expect(misspelt({ TENMA_WORKERSDIR: 'x', TENMA_WORKERS_DIR: 'y' }, keys)).toEqual([]);
  });

  it('is a warning, and no fault', () => {
    const said: string[] = [];
    const schema = z.object({ WORKERS_DIR: z.string().optional() });
    expect(readConfig(schema, { TENMA_WORKERSDIR: 'x' }, (sentence) => said.push(sentence))).toEqual({});
    expect(said).toEqual(['TENMA_WORKERSDIR is no setting, and is ignored: is TENMA_WORKERS_DIR meant?']);
  });
});

it('no variable of the project passes for a misspelt setting of a service', () => {
  const generated = /<!-- generated: settings-\w+ -->[^]*?<!-- \/generated/g;
  const tables = [...textOf('docs/configuration.md').matchAll(generated)].map(([table]) => table);
  expect(tables).toHaveLength(4);
  const names = namesIn([...tables, textOf('docs/cli.md'), textOf('compose.yaml')].join('\n'));
  for (const table of tables) {
    const keys = [...table.matchAll(/^\| `TENMA_(\w+)`/gm)].map(([, name = '']) => name);
    const others = [...names].filter((name) => !keys.includes(name.slice('TENMA_'.length)));
    const environment = Object.fromEntries(others.map((name) => [name, 'x']));
    expect(misspelt(environment, keys)).toEqual([]);
  }
});
