import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { packageFrames } from './package-frames.ts';

const folder = '/srv/workers/resize/1.0.0';

function errorWith(stack: string[], cause?: unknown): Error {
  const error = new Error('it throws', { cause });
  error.stack = ['Error: it throws', ...stack.map((frame) => `    at ${frame}`)].join('\n');
  return error;
}

describe('of the frames of an error', () => {
  test('those in the package stay', () => {
    const error = errorWith([
      `parse (${folder}/node_modules/yaml/index.js:9:1)`,
      `deep (file://${folder}/lib/settings.js:3:7)`,
      `file://${folder}/index.js:1:1`,
      `async ${folder}/more.js:2:2`,
      'ModuleJob.run (node:internal/modules/esm/module_job:561:25)',
      'importModule (file:///srv/tenma/packages/worker/src/host/import-workers.ts:32:11)',
      'other (/srv/workers/resize/1.0.0-rc.1/index.js:1:1)',
    ]);
    expect(packageFrames(error, folder)).toEqual([
      `deep (file://${folder}/lib/settings.js:3:7)`,
      `file://${folder}/index.js:1:1`,
      `async ${folder}/more.js:2:2`,
    ]);
  });

  test('those of what caused it come first, and none comes twice', () => {
    const first = errorWith([`deep (${folder}/deep.js:1:1)`, `${folder}/index.js:1:1`]);
    const second = errorWith([`${folder}/index.js:1:1`, `late (${folder}/late.js:1:1)`], first);
    expect(packageFrames(second, folder)).toEqual([
      `deep (${folder}/deep.js:1:1)`,
      `${folder}/index.js:1:1`,
      `late (${folder}/late.js:1:1)`,
    ]);
  });

  test('those of a cause may stand in the text of one stack', () => {
    const error = new Error('it does not load');
    error.stack = inspect(
      errorWith(['load (/srv/tenma/load.js:1:1)'], errorWith([`${folder}/index.js:1:1`])),
    );
    expect(packageFrames(error, folder)).toEqual([`${folder}/index.js:1:1`]);
  });

  test('the place of an error of syntax is one', () => {
    const error = new Error('it does not load');
    const stack = `SyntaxError: Expected ','\n    at parseTypeScript (node:internal/modules/typescript:72:36)`;
    error.stack = `Error: it does not load {\n  [cause]: ${folder}/index.ts:7\n  const a = [1;\n\n  ${stack}`;
    expect(packageFrames(error, folder)).toEqual([`${folder}/index.ts:7`]);
  });

  test('five are enough', () => {
    const frames = Array.from({ length: 9 }, (_, n) => `f${n} (${folder}/index.js:${n + 1}:1)`);
    expect(packageFrames(errorWith(frames), folder)).toEqual(frames.slice(0, 5));
  });

  test('there are none of what is no error', () => {
    expect(packageFrames('thrown', folder)).toEqual([]);
  });
});
