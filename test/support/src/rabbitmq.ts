import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import {
  answers,
  findBinary,
  freePort,
  type ServerProcess,
  sharedServer,
  startProcess,
  temporaryFolder,
  type TestServer,
  until,
} from './server.ts';

/** The script of the distribution itself: Debian's wrapper in /usr/sbin insists on the user and the folders of its service. */
const binaries = ['/usr/lib/rabbitmq/bin/rabbitmq-server', '/opt/rabbitmq/sbin/rabbitmq-server'];

const howToGet = 'start one (apt-get install rabbitmq-server, or docker run -p 5672:5672 rabbitmq:4)';

/** Booting an Erlang node takes 5 to 10 s here, more when both cores are busy. */
const bootTimeoutMs = 60_000;

/** A node of the test's own. Its data stay from `stop` to `start` and go when it is disposed. */
export interface RabbitmqServer extends TestServer {
  readonly port: number;
  /** SIGKILL pulls the plug; SIGTERM lets it close in order. Resolves when the process is gone. */
  stop(signal: NodeJS.Signals): Promise<void>;
  /** Starts it (again) on the same port; resolves when it takes connections. */
  start(): Promise<void>;
  /** Makes it hang, with its connections open (SIGSTOP), and go on (SIGCONT). */
  freeze(): void;
  thaw(): void;
  /** Runs rabbitmqctl on it; about two seconds a call. */
  control(...args: readonly string[]): Promise<void>;
  /**
   * Whether the quorum queues are in the node's registry on disk. RabbitMQ 3.10 writes that up to half a second after
   * it has confirmed queue and messages; a queue that misses it when the node is killed never has a leader again.
   */
  hasRecorded(...queues: readonly string[]): Promise<boolean>;
}

export interface RabbitmqOptions {
  /** False: only reserves port and folder; `start` boots it. Default true. */
  readonly started?: boolean;
  /** Lines for rabbitmq.conf. */
  readonly config?: readonly string[];
}

/**
 * The broker that tests share; undefined (with a line on stderr) when there is none. Tests own what they make in it by
 * using a namespace of their own: see `temporaryNamespace` in `@tenma/bus/amqp`.
 */
export function sharedRabbitmq(): Promise<TestServer | undefined> {
  return sharedServer({
    name: 'RabbitMQ',
    variable: 'TENMA_TEST_AMQP_URL',
    defaultPort: 5672,
    defaultUrl: 'amqp://guest:guest@127.0.0.1:5672',
    start: canStartRabbitmq() ? () => startRabbitmq() : undefined,
    howToGet,
  });
}

/** Whether `startRabbitmq` can work on this machine; tests that need a node of their own are skipped otherwise. */
export function canStartRabbitmq(): boolean {
  return findBinary(...binaries) !== undefined;
}

/** Starts a node of the test's own from the installed binary, on loopback, in a temporary folder. */
export async function startRabbitmq(options: RabbitmqOptions = {}): Promise<RabbitmqServer> {
  const binary = findBinary(...binaries);
  if (!binary) throw new Error(`no rabbitmq-server on this machine: ${howToGet}`);
  const folder = await temporaryFolder();
  const port = await freePort();
  const env = await nodeEnvironment(folder.path, port, options.config ?? []);
  let running: ServerProcess | undefined;
  const signal = (name: NodeJS.Signals) => void running?.child.kill(name);

  const server: RabbitmqServer = {
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    origin: 'started',
    port,
    async start() {
      const started = startProcess(binary, [], { env, cwd: folder.path });
      running = started;
      await until(() => started.child.exitCode !== null || answers(port), {
        timeoutMs: bootTimeoutMs,
        everyMs: 50,
        what: 'RabbitMQ taking connections',
      });
      if (started.child.exitCode !== null) {
        throw new Error(`rabbitmq-server ended with code ${started.child.exitCode} while it started`);
      }
    },
    async stop(by) {
      await running?.kill(by);
      await until(async () => !(await answers(port)), { what: 'the port of RabbitMQ being free' });
    },
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    async control(...args) {
      await promisify(execFile)(join(dirname(binary), 'rabbitmqctl'), args, { env, cwd: folder.path });
    },
    async hasRecorded(...names) {
      const files = await readdir(join(folder.path, 'data'), { recursive: true });
      const registry = files.find((file) => basename(file) === 'names.dets' && file.includes('quorum'));
      if (registry === undefined) return false;
      const text = await readFile(join(folder.path, 'data', registry), 'latin1');
      return names.every((name) => text.includes(`_${name}`));
    },
    async [Symbol.asyncDispose]() {
      await running?.[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
  if (options.started !== false) {
    try {
      await server.start();
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }
  return server;
}

/** Everything a node writes goes to the folder, its Erlang cookie too; nothing is read from /etc/rabbitmq. */
async function nodeEnvironment(
  folder: string,
  port: number,
  config: readonly string[],
): Promise<NodeJS.ProcessEnv> {
  const configFile = join(folder, 'rabbitmq.conf');
  const pluginsFile = join(folder, 'enabled_plugins');
  await mkdir(join(folder, 'log'), { recursive: true });
  await writeFile(configFile, [`listeners.tcp.local = 127.0.0.1:${port}`, ...config, ''].join('\n'));
  await writeFile(pluginsFile, '[].\n');
  return {
    PATH: process.env['PATH'],
    LANG: 'C.UTF-8',
    HOME: folder,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_CONF_ENV_FILE: join(folder, 'no-such-file'),
    RABBITMQ_NODENAME: `tenma-test-${randomBytes(6).toString('hex')}@localhost`,
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(await freePort()),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    RABBITMQ_CONFIG_FILE: configFile,
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'advanced.config'),
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    RABBITMQ_ENABLED_PLUGINS_FILE: pluginsFile,
    // Makes the script become the Erlang machine instead of standing before it, so that signals reach the broker.
    RUNNING_UNDER_SYSTEMD: 'true',
  };
}
