import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { until } from '@tenma/test-support';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** A command of a document, and what its output has to hold by the comment behind it. */
export interface Command {
  readonly text: string;
  readonly expected: RegExp;
}

/** Blocks marked `sh` with an `expect` comment behind them. */
export function commandsIn(document: string): Command[] {
  const blocks = document.matchAll(/^```sh\n([^`]*)```\n<!-- expect: (.*) -->$/gm);
  return [...blocks].map(([, text = '', expected = '']) => ({
    text: text.trim(),
    expected: new RegExp(expected),
  }));
}

/** Runs a command in a shell until its output holds what is expected, or it ends. */
export async function outputOf(
  { text, expected }: Command,
  env: Record<string, string>,
  timeoutMs = 15_000,
): Promise<string> {
  const child = spawn('sh', ['-c', `exec ${text}`], { cwd: root, env: { ...process.env, ...env } });
  let output = '';
  let ended = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (expected.test(output)) child.kill();
    });
  }
  child.once('close', () => {
    ended = true;
  });
  await until(() => ended, { timeoutMs, what: text });
  return output;
}
