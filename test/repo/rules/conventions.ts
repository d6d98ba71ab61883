import { lineAt } from '../code-mask.ts';
import { type Fault, type SourceFile } from '../source-tree.ts';

/** A default export is how a worker package hands over its workers, and how a tool wants its configuration. */
const defaultExports: readonly RegExp[] = [
  /^packages\/workers\/src\/(?:index|testing)\.ts$/,
  /^packages\/worker\/src\/host\/fixtures\//,
  /^(?:bench|examples|test)\/.*worker[^/]*\.ts$/,
  /^services\/wee\/src\/processes\/fixtures\/[\w-]+-workers\.ts$/,
  /^examples\/[\w-]+\/index\.ts$/,
  /(?:^|\/)[\w-]+\.config\.ts$/,
];

export function strayDefaultExports(tree: readonly SourceFile[]): Fault[] {
  return tree
    .filter(({ path }) => !defaultExports.some((allowed) => allowed.test(path)))
    .flatMap(({ path, text, code }) =>
      [...code.matchAll(/^\s*export\s+(?:default\b|\{[^}]*\bas default\b)/gm)].map(({ index }) => ({
        path,
        line: lineAt(text, index),
        what: 'has a default export: only worker packages and configurations do',
      })),
    );
}

/** Tests of waiting itself. */
const mayWait: readonly string[] = [
  'packages/runtime/src/runtime.test.ts',
  'packages/worker/src/clock.test.ts',
  'packages/worker/src/testing/run-for-test.test.ts',
];

/** Tests wait for events, not for time: no sleep of a fixed length. What polls with a deadline is in test/support. */
export function fixedSleeps(tree: readonly SourceFile[]): Fault[] {
  return tree
    .filter(
      ({ path }) => path.endsWith('.test.ts') && !path.startsWith('test/support/') && !mayWait.includes(path),
    )
    .flatMap(({ path, text, code }) =>
      [...code.matchAll(/\b(?:setTimeout|sleep|wait|delay)\(/g)]
        .filter(({ 0: call, index }) => argumentsFrom(code, index + call.length).some(isNumber))
        .map(({ index }) => ({
          path,
          line: lineAt(text, index),
          what: 'sleeps for a fixed time: wait for the event, or poll with `until`',
        })),
    );
}

const isNumber = (argument: string) => /^[\d_]+(?:\s*\*\s*[\d_]+)*$/.test(argument.trim());

/** The arguments of a call whose opening parenthesis stands before `start`, cut at the commas between them. */
function argumentsFrom(code: string, start: number): string[] {
  const found: string[] = [];
  let depth = 0;
  let from = start;
  for (let at = start; at < code.length; at += 1) {
    const char = code.charAt(at);
    if (depth === 0 && (char === ',' || char === ')')) {
      found.push(code.slice(from, at));
      if (char === ')') return found;
      from = at + 1;
    } else if ('([{'.includes(char)) depth += 1;
    else if (')]}'.includes(char)) depth -= 1;
  }
  return found;
}

/** Codes by which errors are made: `new ProblemError('…')`, `problem('…')`, `taskError('…')`, `mismatch('…')`. */
export function errorCodesUsed(tree: readonly SourceFile[]): { path: string; line: number; code: string }[] {
  return tree.flatMap(({ path, text, code }) =>
    [...code.matchAll(/\b(?:ProblemError|problem|taskError|mismatch|expire)\((?:control, )?'/g)].map(
      ({ 0: call, index }) => {
        const start = index + call.length;
        return { path, line: lineAt(text, index), code: text.slice(start, code.indexOf("'", start)) };
      },
    ),
  );
}
