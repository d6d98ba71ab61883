import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A real server that a test may use. `origin` says where it came from. */
export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly origin: 'environment' | 'default port' | 'started';
}

/** A port that was free a moment ago, on loopback. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

export function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.setTimeout(1_000, () => socket.destroy());
    socket.once('connect', () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}

/** Polls until `condition` holds; for tests, where the thing waited for has no event. Throws after `timeoutMs`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  { timeoutMs = 20_000, everyMs = 20, what = 'the condition' } = {},
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what} did not hold within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** The first of the paths or commands that can be executed. */
export function findBinary(...candidates: readonly string[]): string | undefined {
  return candidates.find(
    (candidate) => spawnSync('sh', ['-c', `command -v '${candidate}'`], { stdio: 'ignore' }).status === 0,
  );
}

/** A folder that goes with the test. */
export async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'tenma-test-'));
  // Of a server that was killed parts may write for a moment longer: PostgreSQL's processes have groups of their own.
  const removal = { recursive: true, force: true, maxRetries: 20, retryDelay: 50 };
  return { path, [Symbol.asyncDispose]: () => rm(path, removal) };
}

export interface ServerProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  /** Ends it with the signal and resolves when it is gone. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** Starts a program in a process group of its own, which goes when the handle is disposed or this process exits. */
export function startProcess(
  command: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string; uid?: number; gid?: number } = {},
): ServerProcess {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'ignore', 'ignore'], detached: true });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const killGroup = (signal: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // The group is gone already.
    }
  };
  const onExit = () => killGroup('SIGKILL');
  process.once('exit', onExit);
  return {
    child,
    async kill(signal) {
      if (child.exitCode === null && child.signalCode === null) {
        killGroup(signal);
        await gone;
      }
    },
    async [Symbol.asyncDispose]() {
      process.off('exit', onExit);
      killGroup('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await gone;
    },
  };
}

/**
 * The shared server of a kind: what the environment names, else what answers on the default port, else one started from
 * an installed binary. On a machine with none the tests that need it are skipped, with one line that says how to get
 * it; in CI that is a failure.
 */
export async function sharedServer(kind: {
  name: string;
  variable: string;
  defaultPort: number;
  defaultUrl: string;
  start: (() => Promise<TestServer>) | undefined;
  howToGet: string;
}): Promise<TestServer | undefined> {
  const named = process.env[kind.variable];
  if (named) return { url: named, origin: 'environment', async [Symbol.asyncDispose]() {} };
  if (await answers(kind.defaultPort)) {
    return { url: kind.defaultUrl, origin: 'default port', async [Symbol.asyncDispose]() {} };
  }
  if (kind.start) return kind.start();
  const line = `no ${kind.name}: ${kind.howToGet}, or set ${kind.variable}`;
  if (process.env['CI']) throw new Error(line);
  process.stderr.write(`skipped: ${line}\n`);
  return undefined;
}
