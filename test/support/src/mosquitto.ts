import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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

/** A Mosquitto of a test's own. */
export interface Mosquitto extends TestServer {
  readonly port: number;
  /** Ends the broker with the signal (default SIGTERM) and resolves when it is gone. Nothing is kept. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port and resolves when it answers. */
  start(): Promise<void>;
}

export interface MosquittoOptions {
  /** Default: a free one. */
  port?: number;
  /** Further lines of mosquitto.conf; a `max_…` line replaces the one below. */
  config?: readonly string[];
}

/** The installed broker, or undefined. Debian puts it where a user's PATH does not look. */
export function findMosquitto(): string | undefined {
  return findBinary('mosquitto', '/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto');
}

/**
 * Nothing is dropped for a slow subscriber (`max_queued_messages 0`) and MQTT 5 clients are told no receive maximum
 * (`max_inflight_messages 0`), so that a test of many messages measures the code and not the broker's defaults.
 */
function configuration(port: number, extra: readonly string[]): string {
  const lines = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'persistence false',
    'log_dest none',
    // Else Nagle's algorithm delays what follows a small packet by up to 40 ms.
    'set_tcp_nodelay true',
    'max_queued_messages 0',
    'max_inflight_messages 0',
    // Started by root it would drop to the user `mosquitto`, who may not read the temporary folder.
    ...(process.getuid?.() === 0 ? ['user root'] : []),
  ].filter((line) => !extra.some((other) => other.split(' ')[0] === line.split(' ')[0]));
  return `${[...lines, ...extra].join('\n')}\n`;
}

/** Starts the installed Mosquitto on a loopback port. It goes when the handle is disposed. */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const binary = findMosquitto();
  if (binary === undefined) throw new Error('Mosquitto is not installed: apt-get install mosquitto');
  const port = options.port ?? (await freePort());
  const folder = await temporaryFolder();
  const file = join(folder.path, 'mosquitto.conf');
  await writeFile(file, configuration(port, options.config ?? []));
  let running: ServerProcess | undefined;

  async function start(): Promise<void> {
    const started = startProcess(binary as string, ['-c', file]);
    running = started;
    const ready = async () => {
      const { exitCode } = started.child;
      if (exitCode !== null) throw new Error(`Mosquitto exited with code ${exitCode}; its port was ${port}`);
      return answers(port);
    };
    await until(ready, { what: `Mosquitto on port ${port}` });
  }

  async function dispose(): Promise<void> {
    await running?.[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  }

  try {
    await start();
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    url: `mqtt://127.0.0.1:${port}`,
    origin: 'started',
    port,
    start,
    async stop(signal = 'SIGTERM') {
      await running?.kill(signal);
      await running?.[Symbol.asyncDispose]();
      running = undefined;
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/**
 * The MQTT broker that tests share: `TENMA_TEST_MQTT_URL`, else what answers on port 1883, else a Mosquitto started here.
 * Its settings may be anything: use a random topic segment, leave no retained message, and do not count on more than
 * 1,000 messages waiting for a subscriber.
 */
export function sharedMosquitto(): Promise<TestServer | undefined> {
  return sharedServer({
    name: 'MQTT broker',
    variable: 'TENMA_TEST_MQTT_URL',
    defaultPort: 1883,
    defaultUrl: 'mqtt://127.0.0.1:1883',
    start: findMosquitto() === undefined ? undefined : () => startMosquitto(),
    howToGet: 'apt-get install mosquitto',
  });
}
