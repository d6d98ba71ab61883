import { stripTypeScriptTypes } from 'node:module';
import { lineAt, maskCode } from '../code-mask.ts';
import { type Fault, isTestCode, type SourceFile } from '../source-tree.ts';

export const fileLinesMax = 400;
export const functionLinesMax = 60;

export interface Exemption {
  readonly path: string;
  readonly reason: string;
}

/** Files that may be longer. */
export const longFiles: readonly Exemption[] = [];

/** Files that may hold one longer function. */
export const longFunctions: readonly Exemption[] = [
  {
    path: 'services/le/src/le.ts',
    reason: 'the list of what LE is made of, each wired to the ones before it',
  },
];

export function longFileFaults(tree: readonly SourceFile[], exempt = longFiles): Fault[] {
  return tree
    .filter(({ path }) => !exempt.some((one) => one.path === path))
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > fileLinesMax)
    .map(({ path, lines }) => ({ path, what: `has ${lines} lines; ${fileLinesMax} is the ceiling` }));
}

interface Opened {
  readonly isFunction: boolean;
  readonly line: number;
  nestedLines: number;
}

/**
 * Lines of each function with a body in braces, where it begins. A function is measured without the functions inside
 * it: what makes a component is as long as its wiring, and each of its verbs counts for itself.
 */
export function functionLengths(text: string): { line: number; lines: number }[] {
  const code = maskCode(stripTypeScriptTypes(text));
  const stack: Opened[] = [];
  const found: { line: number; lines: number }[] = [];
  for (const { 0: brace, index } of code.matchAll(/[{}]/g)) {
    const line = lineAt(code, index);
    if (brace === '{') {
      stack.push({ isFunction: opensFunction(code, index), line, nestedLines: 0 });
      continue;
    }
    const opened = stack.pop();
    if (!opened) continue;
    const total = line - opened.line + 1;
    const outer = stack.at(-1);
    if (outer) outer.nestedLines += opened.isFunction ? total - 1 : opened.nestedLines;
    if (opened.isFunction) found.push({ line: opened.line, lines: total - opened.nestedLines });
  }
  return found;
}

const statements = new Set(['if', 'for', 'while', 'switch', 'catch', 'with', 'await']);

/** Whether the brace at `index` opens the body of a function: behind an arrow, or behind a list of parameters. */
function opensFunction(code: string, index: number): boolean {
  const before = code.slice(0, index).trimEnd();
  if (before.endsWith('=>')) return true;
  if (!before.endsWith(')')) return false;
  let depth = 0;
  let at = before.length - 1;
  for (; at >= 0; at -= 1) {
    if (before[at] === ')') depth += 1;
    if (before[at] === '(') depth -= 1;
    if (depth === 0) break;
  }
  const word = /([\w$#]+)\s*$/.exec(before.slice(0, at))?.[1];
  return word === undefined || !statements.has(word);
}

export function longFunctionFaults(tree: readonly SourceFile[], exempt = longFunctions): Fault[] {
  return tree
    .filter(({ path }) => !isTestCode(path))
    .flatMap(({ path, text }) =>
      functionLengths(text)
        .filter(({ lines }) => lines > functionLinesMax)
        .sort((a, b) => b.lines - a.lines)
        .slice(exempt.some((one) => one.path === path) ? 1 : 0)
        .map(({ line, lines }) => ({
          path,
          line,
          what: `begins a function of ${lines} lines; ${functionLinesMax} is the ceiling`,
        })),
    );
}
