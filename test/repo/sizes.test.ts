import { describe, expect, it } from 'vitest';
import {
  functionLengths,
  longFileFaults,
  longFiles,
  longFunctionFaults,
  longFunctions,
} from './rules/sizes.ts';
import { report, sourceTree, treeOf } from './source-tree.ts';

const tree = sourceTree();
const lines = (count: number) => 'a();\n'.repeat(count);

describe('small rooms', () => {
  it('no file is longer than 400 lines, but for those listed with a reason', () => {
    expect(report(longFileFaults(tree))).toEqual([]);
    expect(
      [...longFiles, ...longFunctions].filter(({ path }) => !tree.some((file) => file.path === path)),
    ).toEqual([]);
  });

  it('a file of 401 lines is seen, and one that is listed is not', () => {
    const long = treeOf({ 'packages/bus/src/a.ts': lines(401), 'packages/bus/src/b.ts': lines(400) });
    expect(report(longFileFaults(long))).toEqual(['packages/bus/src/a.ts has 401 lines; 400 is the ceiling']);
    expect(longFileFaults(long, [{ path: 'packages/bus/src/a.ts', reason: 'a table' }])).toEqual([]);
  });

  it('no function is longer than 60 lines, without the functions inside it', () => {
    expect(report(longFunctionFaults(tree))).toEqual([]);
  });

  it.each([
    ['a function', `function f(a: { b: string }): Promise<{ c: 1 }> {\n${lines(60)}}\n`],
    ['an arrow function', `const f = async (a = {}) => {\n${lines(60)}};\n`],
    ['a method', `const o = {\n  get f() {\n${lines(60)}  },\n};\n`],
    [
      'a verb inside what makes a component',
      `function make() {\n  return {\n    verb(a) {\n${lines(60)}    },\n  };\n}\n`,
    ],
    [
      'a function of blocks',
      `function f() {\n  if (a) {\n${lines(30)}  }\n  for await (const b of c) {\n${lines(30)}  }\n}\n`,
    ],
  ])('%s that is too long is seen', (_, text) => {
    expect(longFunctionFaults(treeOf({ 'packages/bus/src/a.ts': text }))).toHaveLength(1);
  });

  it('counts a function inside another for itself', () => {
    const text = `function outer() {\n${lines(40)}  function inner() {\n${lines(40)}  }\n}\n`;
    expect(functionLengths(text)).toEqual([
      { line: 42, lines: 42 },
      { line: 1, lines: 43 },
    ]);
  });
});
