import { describe, expect, it } from 'vitest';
import { strayEnvironment, strayState, strayTime } from './rules/surroundings.ts';
import { report, sourceTree, treeOf } from './source-tree.ts';

const tree = sourceTree();
const fileWith = (text: string, path = 'packages/bus/src/a.ts') => treeOf({ [path]: text });

describe('time and chance', () => {
  it('are passed in everywhere but where the list says why not', () => {
    expect(report(strayTime(tree))).toEqual([]);
  });

  it.each([
    'const a = Date.now();',
    'const a = new Date();',
    'const a = performance.now();',
    'const a = Math.random();',
    'setTimeout(f, ms);',
    'const t = setInterval(f, ms);',
  ])('are seen: %s', (text) => {
    expect(report(strayTime(fileWith(text), []))).toHaveLength(1);
  });

  it('are no concern in comments, in tests and for a main.ts', () => {
    expect(strayTime(fileWith('// Date.now()\nsocket.setTimeout(5);'), [])).toEqual([]);
    expect(strayTime(fileWith('Date.now();', 'packages/bus/src/a.test.ts'), [])).toEqual([]);
    expect(strayTime(fileWith('const random = Math.random;', 'services/ic/src/main.ts'), [])).toEqual([]);
  });

  it('an allowance that nobody needs any more is seen', () => {
    const allowed = [{ path: 'packages/bus/src/', reason: 'of old' }];
    expect(report(strayTime(fileWith('const a = 1;'), allowed))).toHaveLength(1);
  });
});

describe('the environment', () => {
  it('is read in a config.ts or a main.ts', () => {
    expect(report(strayEnvironment(tree))).toEqual([]);
    expect(strayEnvironment(fileWith('f(process.env);', 'services/ic/src/main.ts'), [])).toEqual([]);
  });

  it('is seen when it is read elsewhere', () => {
    const text = `const url = process.env['TENMA_AMQP_URL'];`;
    expect(report(strayEnvironment(fileWith(text), []))).toHaveLength(1);
  });
});

describe('modules', () => {
  it('hold no state', () => {
    expect(report(strayState(tree))).toEqual([]);
  });

  it.each([
    'let count = 0;',
    'export let last: string;',
    'const cache = new Map<string, number>();',
    'const all: string[] = [];',
  ])('are seen to hold state: %s', (text) => {
    expect(report(strayState(fileWith(text), []))).toHaveLength(1);
  });

  it('may hold constants, and functions their own variables', () => {
    const text = `const names = new Set(['a']);\nfunction f() {\n  let count = 0;\n  const seen = new Map();\n}\n`;
    expect(strayState(fileWith(text), [])).toEqual([]);
  });
});
