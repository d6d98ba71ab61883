import type { FakeLe } from '@tenma/client/testing';
import type { ExitCode } from './exit-code.ts';
import { runCli } from './program.ts';
import type { Terminal } from './terminal.ts';

export interface Given {
  environment?: Record<string, string>;
  stdin?: string;
  tty?: boolean;
  /** How wide it is. */
  columns?: number;
  terminal?: Terminal;
  onWrite?: (text: string) => void;
}

/** Runs a command line in this process. */
export async function cli(
  le: Pick<FakeLe, 'url'>,
  line: string | readonly string[],
  given: Given = {},
): Promise<{ code: ExitCode; stdout: string; stderr: string }> {
  const streams = { stdout: '', stderr: '' };
  const { tty: isTTY = false, columns = 80 } = given;
  const stream = (name: 'stdout' | 'stderr') => ({
    isTTY,
    columns,
    write: (text: string) => {
      streams[name] += text;
      given.onWrite?.(text);
    },
  });
  const code = await runCli(typeof line === 'string' ? line.split(' ') : line, {
    environment: { TENMA_API_URL: le.url, ...given.environment },
    stdin: Object.assign(lines(given.stdin ?? ''), { isTTY }),
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    terminal: given.terminal,
    onInterrupt: () => ({ [Symbol.dispose]() {} }),
  });
  return { code, ...streams };
}

async function* lines(text: string): AsyncGenerator<string> {
  yield text;
}
