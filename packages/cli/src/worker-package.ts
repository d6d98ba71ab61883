import { isAbsolute, join, resolve } from 'node:path';

export interface WorkerPackageOptions {
  /** Its task type, and the name of its package. */
  name: string;
  /** Where it will be: as the commands that use it write it. */
  folder: string;
  language: 'ts' | 'js';
  place: WorkerPlace;
}

/**
 * Below the checkout it finds the packages there, and in some folders `npm test` finds its test (`tested`). Elsewhere it
 * needs the SDK of its own.
 */
export type WorkerPlace = 'tested' | 'checkout' | 'elsewhere';

/** `sdk` gives it the SDK, where it needs that first. All are run in the checkout. */
type Commands = Readonly<Record<'test' | 'load' | 'run', string> & { sdk?: string }>;

/** The files of a new worker by their names, and the commands that test, load and run it. */
export interface WorkerPackage {
  readonly files: Readonly<Record<string, string>>;
  readonly commands: Commands;
}

/** A worker that counts words: small, and with one of each thing that a worker can do. */
export function workerPackage(options: WorkerPackageOptions): WorkerPackage {
  const { name, language } = options;
  const main = `index.${language}`;
  const commands = commandsFor(options, main);
  return {
    commands,
    files: {
      'package.json': `${JSON.stringify(manifest(name, main), null, 2)}\n`,
      [main]: workerText(name),
      // Also beside JavaScript: that is where a checkout looks for tests.
      'index.test.ts': testText(main),
      'README.md': readmeText(name, main, commands),
    },
  };
}

function commandsFor({ name, folder, place }: WorkerPackageOptions, main: string): Commands {
  const load = (path: string) => `TENMA_WORKERS=@tenma/workers,${path} npm start`;
  const run = `npm run --silent tenma -- task run ${name} -i text='one two three'`;
  if (place !== 'elsewhere') {
    const file = quoted(join(folder, main));
    const test = `npm test -- ${place === 'tested' ? '' : '--root '}${quoted(folder)}`;
    return { test, load: load(isAbsolute(folder) ? file : `$PWD/${file}`), run };
  }
  const path = resolve(folder);
  const inside = `cd ${quoted(path)}`;
  return {
    sdk: `node tools/run.mjs tools/pack-sdks.ts ${quoted(join(path, 'sdks'))} && (${inside} && npm install --save-dev ./sdks/*.tgz vitest)`,
    test: `(${inside} && npx vitest run)`,
    load: load(quoted(join(path, main))),
    run,
  };
}

/** As one word of a shell. */
function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}

function manifest(name: string, main: string): object {
  return {
    name,
    version: '1.0.0',
    private: true,
    type: 'module',
    exports: `./${main}`,
    peerDependencies: { '@tenma/worker': '^0.1.0', zod: '^4.2.0' },
  };
}

/** The same in both languages: the schemas give it its types. */
function workerText(name: string): string {
  return `import { defineWorker, WorkerError } from '@tenma/worker';
import { z } from 'zod';

export default defineWorker({
  type: '${name}',
  version: '1.0.0',
  description: 'Counts the words of a text.',
  input: z.strictObject({ text: z.string().max(100_000) }),
  output: z.object({ words: z.int() }),
  progress: z.object({ read: z.int().describe('Characters so far.') }),
  cost: 'light',
  timeout_ms: 5_000,
  example: { text: 'one two three' },
  run({ input, progress, log }) {
    const words = input.text.split(/\\s+/).filter((word) => word !== '').length;
    // What is foreseen has a code and is not tried again; any other error is taken for a fault, and is.
    if (words === 0) throw new WorkerError('the text has no words', { code: 'no_words' });
    progress({ read: input.text.length });
    log('counted', { words });
    return { words };
  },
});
`;
}

function testText(main: string): string {
  return `import { runForTest } from '@tenma/worker/testing';
import { expect, it } from 'vitest';
import worker from './${main}';

it('counts the words of a text', async () => {
  const { outcome, progress } = await runForTest(worker, { text: 'one  two three' });
  expect(outcome).toEqual({ kind: 'succeeded', output: { words: 3 } });
  expect(progress).toEqual([{ read: 14 }]);
});

it('fails for good when there are none', async () => {
  const { outcome } = await runForTest(worker, { text: ' ' });
  expect(outcome).toMatchObject({ kind: 'failed', error: { code: 'no_words', retryable: false } });
});
`;
}

function readmeText(name: string, main: string, { sdk, ...commands }: Commands): string {
  const first =
    sdk === undefined
      ? 'test it:'
      : `give it the SDK, \`@tenma/worker\`, which is not published yet:

\`\`\`sh
${sdk}
\`\`\`

Test it:`;
  return `# ${name}

A worker for Tenma: \`${main}\` says what it takes, what it gives and how it is done. Change it, and its test, into what you
need; raise \`version\` with each change that is to be run.

In a checkout of Tenma, ${first}

\`\`\`sh
${commands.test}
\`\`\`

Load it beside the built-in workers, instead of an \`npm start\` that runs already:

\`\`\`sh
${commands.load}
\`\`\`

Run it, in another terminal:

\`\`\`sh
${commands.run}
\`\`\`
`;
}
