import type { Problem } from '@tenma/protocol';
import type { CliConfig } from './config.ts';
import { hintAtPrompt } from './hints.ts';
import { oneLine } from './table.ts';

export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** Of a terminal. */
  readonly columns?: number;
}

/** Where a command's words go: data to stdout, all else to stderr. */
export interface Output {
  /** The command's answer: `value` as one line of JSON with --json, else the text. */
  data(value: unknown, text: string | (() => string)): void;
  /** A line for people; silent with --json. */
  note(line: string): void;
  /** What went wrong, and the remedy. With --json one line of JSON: `{"error": …}`. */
  problem(problem: Problem): void;
  /** The stream to redraw a line on; undefined where nobody watches. */
  readonly terminal: TextStream | undefined;
  /** Where somebody can be asked; undefined where nobody can. */
  readonly prompt: TextStream | undefined;
  /** The stream to draw a whole screen on; undefined where stdout is none. */
  readonly screen: TextStream | undefined;
  /** How wide stdout is; undefined where it is no terminal. */
  readonly columns: number | undefined;
  /** Text on stdout may have colours. */
  readonly colour: boolean;
  /** A mark in colour where colours are wanted. */
  mark(kind: 'good' | 'bad' | 'warning'): string;
}

const marks = { good: ['✓', 32], bad: ['✗', 31], warning: ['!', 33] } as const;

export function createOutput(
  stdout: TextStream,
  stderr: TextStream,
  config: Pick<CliConfig, 'json' | 'ansi' | 'drawable'>,
): Output {
  const { json, ansi, drawable } = config;
  return {
    data(value, text) {
      stdout.write(json ? `${JSON.stringify(value)}\n` : typeof text === 'string' ? text : text());
    },
    note(line) {
      if (!json) stderr.write(`${line}\n`);
    },
    problem(problem) {
      stderr.write(json ? `${JSON.stringify({ error: problem })}\n` : readable(problem));
    },
    terminal: ansi && !json && stderr.isTTY === true ? stderr : undefined,
    prompt: !json && stderr.isTTY === true ? stderr : undefined,
    screen: drawable && !json && stdout.isTTY === true ? stdout : undefined,
    columns: stdout.isTTY === true ? stdout.columns : undefined,
    colour: ansi && !json && stdout.isTTY === true,
    mark(kind) {
      const [sign, colour] = marks[kind];
      return ansi && stdout.isTTY === true && stderr.isTTY === true
        ? `\u001b[${colour}m${sign}\u001b[0m`
        : sign;
    },
  };
}

function readable(problem: Problem): string {
  const faults = (problem.errors ?? []).map(
    ({ pointer, detail }) => `  ${oneLine(`${pointer} ${detail}`)}\n`,
  );
  // A fault of the CLI itself comes with its stack, which is worth its lines.
  const detail = problem.code === 'unexpected' ? problem.detail : oneLine(problem.detail);
  return `error: ${detail} (${problem.code})\n${faults.join('')}hint: ${oneLine(hintAtPrompt(problem))}\n`;
}
