import { describe, expect, it } from 'vitest';
import { fixedSleeps, strayDefaultExports } from './rules/conventions.ts';
import { report, sourceTree, treeOf } from './source-tree.ts';

const tree = sourceTree();

describe('default exports', () => {
  it('are for worker packages and configurations', () => {
    expect(report(strayDefaultExports(tree))).toEqual([]);
    const allowed = {
      'packages/workers/src/index.ts': 'export default [a];',
      'vitest.config.ts': 'export default {};',
    };
    expect(strayDefaultExports(treeOf(allowed))).toEqual([]);
  });

  it.each(['export default function f() {}', 'const a = 1;\nexport { a as default };'])(
    'are seen: %s',
    (text) => {
      expect(report(strayDefaultExports(treeOf({ 'packages/bus/src/a.ts': text })))).toHaveLength(1);
    },
  );
});

describe('tests', () => {
  it('wait for events and not for time', () => {
    expect(report(fixedSleeps(tree))).toEqual([]);
  });

  it.each([
    'await new Promise((resolve) => setTimeout(resolve, 100));',
    'await sleep(clock, 2 * 1_000);',
    'await wait(50);',
    'setTimeout(() => {\n  f(a, { b });\n}, 10);',
  ])('are seen to sleep: %s', (text) => {
    expect(report(fixedSleeps(treeOf({ 'packages/bus/src/a.test.ts': text })))).toHaveLength(1);
  });

  it('may take their time from a name that says why', () => {
    const text = 'setTimeout(() => f(1, 2), answerAfterMs);\nwait(ms); // wait(5)';
    expect(fixedSleeps(treeOf({ 'packages/bus/src/a.test.ts': text }))).toEqual([]);
  });
});
