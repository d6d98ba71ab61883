import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { freePort, until } from './server.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** One of our own services as an operating system process, in a process group of its own. */
export interface ServiceProcess extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  /** What it has printed, for the message of a failing test. */
  readonly output: () => string;
  /** Signals the process alone, not its children. Resolves when it is gone. */
  stop(signal: NodeJS.Signals): Promise<number | null>;
  /** Signals the whole process group. Resolves when the process is gone. */
  stopGroup(signal: NodeJS.Signals): Promise<void>;
}

/** Starts a TypeScript entry file of the repository under this Node. Its output is kept, the last 64 KiB of it. */
export function startService(name: string, entry: string, env: Record<string, string>): ServiceProcess {
  const child = spawn(process.execPath, [`${root}${entry}`], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-65_536);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${name} did not start`);
  const killGroup = (signal: NodeJS.Signals) => {
    try {
      process.kill(-pid, signal);
    } catch {
      // The group is gone already.
    }
  };
  const onExit = () => killGroup('SIGKILL');
  // One each, however many a test starts.
  process.setMaxListeners(Math.max(process.getMaxListeners(), process.listenerCount('exit') + 10));
  process.once('exit', onExit);
  return {
    name,
    pid,
    output: () => output,
    async stop(signal) {
      child.kill(signal);
      await gone(child);
      return child.exitCode;
    },
    async stopGroup(signal) {
      killGroup(signal);
      await gone(child);
    },
    async [Symbol.asyncDispose]() {
      process.off('exit', onExit);
      killGroup('SIGKILL');
      await gone(child);
    },
  };
}

async function gone(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

export interface FabricOptions {
  readonly amqpUrl: string;
  readonly mqttUrl: string;
  readonly storeUrl: string;
  /** Worker packages of the WEEs. Default: the misbehaving and echoing ones for tests. */
  readonly workers?: string;
  readonly env?: Record<string, string>;
}

/** The three services as separate processes against given servers. */
export interface Fabric extends AsyncDisposable {
  readonly api: string;
  le(): ServiceProcess;
  ic(): ServiceProcess;
  wee(env?: Record<string, string>): ServiceProcess;
  /** Resolves when LE answers and, by its own word, can run tasks. */
  ready(): Promise<void>;
}

export async function createFabric(options: FabricOptions): Promise<Fabric> {
  const port = await freePort();
  const api = `http://127.0.0.1:${port}`;
  const parts = new AsyncDisposableStack();
  const common = {
    TENMA_AMQP_URL: options.amqpUrl,
    TENMA_MQTT_URL: options.mqttUrl,
    TENMA_STORE_URL: options.storeUrl,
    TENMA_HTTP_PORT: String(port),
    TENMA_WORKERS: options.workers ?? '@tenma/workers/testing',
    TENMA_LOG_LEVEL: 'info',
    ...options.env,
  };
  const start = (name: string, env: Record<string, string> = {}) =>
    parts.use(startService(name, `services/${name}/src/main.ts`, { ...common, ...env }));
  return {
    api,
    le: () => start('le'),
    ic: () => start('ic'),
    wee: (env) => start('wee', env),
    async ready() {
      const answer = () => fetch(`${api}/readyz`, { signal: AbortSignal.timeout(5_000) }).catch(() => null);
      await until(async () => (await answer())?.status === 200, {
        timeoutMs: 30_000,
        everyMs: 50,
        what: 'the fabric being ready',
      });
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
