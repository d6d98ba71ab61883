import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, startService, temporaryFolder, until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import { type Command, commandsIn, outputOf, root } from './document-commands.ts';

/** What the page says to do, in its order. */
const steps = commandsIn(await readFile(join(root, 'docs/write-a-worker.md'), 'utf8'));
/** Of its own, so that a worker of that name which somebody has written here stays. */
const name = `word-count-test-${process.pid}`;

describe('somebody who follows the page about workers', () => {
  // Runs four programs one after the other, one of them a test runner.
  it('has a tested worker running in a WEE in under five minutes', { timeout: 300_000 }, async () => {
    expect(steps).toHaveLength(4);
    const [create, test, start, run] = steps as [Command, Command, Command, Command];
    const port = await freePort();
    const env = { TENMA_API_URL: `http://127.0.0.1:${port}` };
    try {
      expect(await outputOf(here(create), env)).toMatch(here(create).expected);
      expect(await outputOf(here(test), env, 60_000)).toMatch(test.expected);

      await using store = await temporaryFolder();
      await using service = startService('dev', 'services/dev/src/main.ts', {
        TENMA_HTTP_PORT: String(port),
        TENMA_MQTT_PORT: String(await freePort()),
        TENMA_STORE_URL: `sqlite:${store.path}/tenma.db`,
        TENMA_WORKERS: workersOf(here(start)),
      });
      await until(() => start.expected.test(service.output()), { timeoutMs: 30_000, what: 'npm start' });
      expect(await outputOf(here(run), env)).toMatch(run.expected);
    } finally {
      await rm(join(root, 'my-workers', name), { recursive: true, force: true });
    }
    expect(existsSync(join(root, 'my-workers', name))).toBe(false);
  });
});

/** As written, but under the name of this test; npm's scripts are run without npm, which could install. */
function here({ text, expected }: Command): Command {
  const local = text
    .replaceAll('word-count', name)
    .replace(/^npm run --silent tenma --/, `'${process.execPath}' packages/cli/src/main.ts`)
    .replace(/^npm test --/, `'${process.execPath}' node_modules/vitest/vitest.mjs run`);
  return { text: local, expected: new RegExp(expected.source.replaceAll('word-count', name)) };
}

/** The packages that the command gives to `npm start`. */
function workersOf({ text }: Command): string {
  const [, workers = ''] = /^TENMA_WORKERS=(\S+) npm start$/.exec(text) ?? [];
  return workers.replace('$PWD', root.replace(/\/$/, ''));
}
