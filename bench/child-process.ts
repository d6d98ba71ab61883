import { type ChildProcess, type Serializable, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface NodeProcess extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  readonly child: ChildProcess;
  /** Rejects when the process ends before it was told to, with the end of what it said. Race waits with it. */
  readonly unexpectedEnd: Promise<never>;
  /** SIGTERM, and SIGKILL for one that has not gone in ten seconds. */
  stop(): Promise<void>;
}

export interface NodeProcessOptions {
  readonly name: string;
  readonly file: URL;
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Where what it says goes. */
  readonly folder: string;
}

/** Kills one each. A listener of its own for every process would be too many. */
const alive = new Set<() => void>();
process.on('exit', () => {
  for (const kill of alive) kill();
});

const goneWithinMs = 10_000;
const tailCharacters = 4_000;

/** Runs a file of this repository under the Node that runs this one, with an IPC channel, and nothing inherited. */
export function startNodeProcess(options: NodeProcessOptions): NodeProcess {
  const { name, args = [], environment = {} } = options;
  const said = join(options.folder, `${name.toLowerCase().replaceAll(' ', '-')}.log`);
  const output = openSync(said, 'a');
  const child = spawn(process.execPath, [fileURLToPath(options.file), ...args], {
    stdio: ['ignore', output, output, 'ipc'],
    env: { PATH: process.env['PATH'], ...environment },
  });
  closeSync(output);
  const gone = once(child, 'exit');
  let stopping = false;
  const kill = () => void child.kill('SIGKILL');
  alive.add(kill);
  const unexpectedEnd = gone.then(([code, signal]): Promise<never> => {
    alive.delete(kill);
    if (stopping) return new Promise(() => {});
    const tail = readFileSync(said, 'utf8').slice(-tailCharacters);
    throw new Error(`${name} ended (${String(signal ?? code)}). It said:\n${tail}`);
  });
  // Whoever waits for something races with it; without anybody waiting it must not end this process.
  unexpectedEnd.catch(() => undefined);

  async function stop(): Promise<void> {
    stopping = true;
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const timer = setTimeout(kill, goneWithinMs);
    await gone;
    clearTimeout(timer);
  }

  return { name, pid: child.pid ?? 0, child, unexpectedEnd, stop, [Symbol.asyncDispose]: stop };
}

/** The next message of the child that `pick` takes. @throws what `pick` throws, when the process ends, and after `timeoutMs` */
export async function nextMessage<Message>(
  { name, child, unexpectedEnd }: NodeProcess,
  pick: (message: unknown) => Message | undefined,
  timeoutMs: number,
): Promise<Message> {
  const { promise, resolve, reject } = Promise.withResolvers<Message>();
  const onMessage = (message: Serializable) => {
    try {
      const picked = pick(message);
      if (picked !== undefined) resolve(picked);
    } catch (error) {
      reject(error);
    }
  };
  child.on('message', onMessage);
  const timer = setTimeout(() => reject(new Error(`${name} did not answer in ${timeoutMs} ms`)), timeoutMs);
  try {
    return await Promise.race([promise, unexpectedEnd]);
  } finally {
    clearTimeout(timer);
    child.off('message', onMessage);
  }
}
