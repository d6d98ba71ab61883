import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  findBinary,
  freePort,
  type ServiceProcess,
  startService,
  temporaryFolder,
  until,
} from '@tenma/test-support';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Command, commandsIn, outputOf, root } from './document-commands.ts';

const read = (path: string) => readFile(join(root, path), 'utf8');

describe('the commands of the documents', async () => {
  const readme = commandsIn(await read('README.md'));
  let service: ServiceProcess;
  let api = '';
  let ports = { http: 0, mqtt: 0 };
  const parts = new AsyncDisposableStack();

  /** As written, but on the ports of this test; npm's script is run without npm, which could install. */
  function here({ text, expected }: Command): Command {
    const local = text
      .replaceAll('8080', String(ports.http))
      .replaceAll('1883', String(ports.mqtt))
      .replace(/^npm run --silent tenma --/, `'${process.execPath}' packages/cli/src/main.ts`);
    return { text: local, expected };
  }

  beforeAll(async () => {
    const store = parts.use(await temporaryFolder());
    ports = { http: await freePort(), mqtt: await freePort() };
    api = `http://127.0.0.1:${ports.http}`;
    service = startService('dev', 'services/dev/src/main.ts', {
      TENMA_HTTP_PORT: String(ports.http),
      TENMA_MQTT_PORT: String(ports.mqtt),
      TENMA_STORE_URL: `sqlite:${store.path}/tenma.db`,
    });
    parts.use(service);
    await until(() => service.output().includes('Check '), { timeoutMs: 30_000, what: 'the first task' });
  }, 40_000);
  afterAll(() => parts.disposeAsync());

  it('npm start says where everything is, and that a task has gone the whole way', () => {
    const lines = service.output().split('\n');
    expect(lines.map((line) => line.split(' ')[0])).toEqual(
      expect.arrayContaining(['API', 'Docs', 'MQTT', 'Store']),
    );
    expect(service.output()).toContain('up, through API, bus, IC, worker and MQTT');
  });

  it('there are some to run', async () => {
    expect(readme.length).toBeGreaterThan(5);
    expect(JSON.parse(await read('package.json'))).toMatchObject({
      scripts: {
        start: expect.stringContaining('services/dev/src/main.ts'),
        tenma: expect.stringContaining('packages/cli/src/main.ts'),
      },
    });
  });

  const isFollowing = ({ text }: Command) => text.startsWith('mosquitto_sub');
  it.for(readme.filter((command) => !isFollowing(command)))('$text', { timeout: 60_000 }, async (command) => {
    expect(await outputOf(here(command), { TENMA_API_URL: api })).toMatch(command.expected);
  });

  const canFollow = findBinary('mosquitto_sub') !== undefined;
  it.runIf(canFollow).for(readme.filter(isFollowing))('$text', { timeout: 60_000 }, async (command) => {
    const following = outputOf(here(command), {});
    let seen: string | undefined;
    void following.then((output) => (seen = output));
    const [task] = readme;
    if (!task) throw new Error('the README runs no task');
    // Whether it has subscribed yet cannot be asked: tasks are run until it sees one.
    await until(
      async () => {
        await outputOf(here(task), {});
        return seen !== undefined;
      },
      { timeoutMs: 40_000, what: 'the result on MQTT' },
    );
    expect(seen).toMatch(command.expected);
  });
});
