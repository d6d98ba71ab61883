import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { WorkerError } from '@tenma/worker';

export interface PingRun {
  readonly stdout: string;
  readonly stderr: string;
}

/** How long `ping` may take to print its summary after it was interrupted. */
const summaryGraceMs = 500;
const maxOutput = 64 * 1024;

/**
 * Runs the system's `ping`, without a shell. When `signal` aborts it is interrupted, which makes it print its summary,
 * and killed when it does not. `command` names another program in tests.
 * @throws WorkerError `ping_missing` when it is not installed.
 */
export async function runPing(
  host: string,
  count: number,
  signal: AbortSignal,
  command = 'ping',
): Promise<PingRun> {
  // -i 0.2 is the shortest interval that needs no privilege; `--` ends the options whatever the host looks like.
  const args = ['-n', '-q', '-c', String(count), '-i', '0.2', '--', host];
  const child = spawn(command, args, {
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let killer: NodeJS.Timeout | undefined;
  const interrupt = () => {
    child.kill('SIGINT');
    killer = setTimeout(() => child.kill('SIGKILL'), summaryGraceMs);
  };
  signal.addEventListener('abort', interrupt, { once: true });
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  try {
    await once(child, 'close');
    return { stdout: stdout(), stderr: stderr() };
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    if (!missing) throw cause;
    throw new WorkerError('there is no `ping` on this machine: install iputils-ping', {
      code: 'ping_missing',
      cause,
    });
  } finally {
    clearTimeout(killer);
    signal.removeEventListener('abort', interrupt);
  }
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    if (text.length < maxOutput) text += chunk.toString();
  });
  return () => text;
}
